"""The offline judge: graded rules over categories, brands, titles and prices. Symmetric: it cannot tell a complement's direction.

The probabilities are graded guesses, not measured frequencies; the reason of every verdict names the rule.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from goeswith.pair_judge.item import Item
from spark_jobs.judges.base import ItemPair, Verdict

REVISION = "rules-1"
SAME_TITLE = 0.5
FAR_PRICE = 3.0
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RulesJudge:
    """Same narrowest category: substitutes. Another category of the same department: complements. See ``judge_pair``."""

    name: str = "rules"
    revision: str = REVISION
    prompt_version: str = REVISION
    chunk: int = 200_000
    both_ways: bool = False

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        """Return one verdict a pair, in order."""
        return [judge_pair(pair) for pair in pairs]

    def most(self, _: int, /) -> tuple[int, float]:
        """Return nothing: rules are free, whatever they read."""
        return 0, 0.0


def judge_pair(pair: ItemPair) -> Verdict:
    """Return the verdict of the first rule that applies: categories where both have one, else titles, else an honest 'nothing'."""
    src, dst = pair.src, pair.dst
    if src.category and dst.category:
        return _by_category(src, dst)
    if _words(src) and _words(dst):
        return _by_title(src, dst)
    return Verdict.undecided("nothing to judge by: no category or title on both sides")


def _by_category(src: Item, dst: Item) -> Verdict:
    if _same(src.category[-1], dst.category[-1]):
        return _same_category(src, dst)
    shared = _shared_prefix(src.category, dst.category)
    if shared == 0:
        return Verdict(p_substitute=0.05, p_complement=0.45, p_neither=0.5, reason="rule other_department: nothing of the category path is shared")
    closeness = shared / (max(len(src.category), len(dst.category)))
    overlap = _overlap(src, dst)
    substitute = 0.1 + 0.2 * closeness * overlap
    complement = 0.5 + 0.2 * closeness
    reason = f"rule same_department: categories differ below {src.category[shared - 1]!r}"
    return Verdict(p_substitute=substitute, p_complement=complement, p_neither=1 - substitute - complement, reason=reason)


def _same_category(src: Item, dst: Item) -> Verdict:
    substitute = 0.7 + 0.15 * _overlap(src, dst)
    seen = [f"both are {src.category[-1]!r}"]
    if src.brand and dst.brand and not _same(src.brand, dst.brand):
        substitute += 0.05
        seen.append("brands differ")
    if _price_ratio(src, dst) > FAR_PRICE:
        substitute -= 0.2
        seen.append("prices are far apart")
    rest = 1 - substitute
    reason = f"rule same_category: {', '.join(seen)}"
    return Verdict(p_substitute=substitute, p_complement=0.5 * rest, p_neither=0.5 * rest, reason=reason)


def _by_title(src: Item, dst: Item) -> Verdict:
    overlap = _overlap(src, dst)
    if overlap >= SAME_TITLE:
        reason = f"rule like_titles: {overlap:.0%} of the words are shared, categories are missing"
        return Verdict(p_substitute=0.6, p_complement=0.2, p_neither=0.2, reason=reason)
    reason = f"rule unlike_titles: {overlap:.0%} of the words are shared, categories are missing"
    substitute = 0.2 + 0.3 * overlap
    return Verdict(p_substitute=substitute, p_complement=0.4, p_neither=0.6 - substitute, reason=reason)


def _same(left: str, right: str) -> bool:
    return left.strip().casefold() == right.strip().casefold()


def _shared_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    shared = 0
    for a, b in zip(left, right, strict=False):
        if not _same(a, b):
            break
        shared += 1
    return shared


def _words(item: Item) -> set[str]:
    return set(_WORD.findall((item.title or "").casefold()))


def _overlap(src: Item, dst: Item) -> float:
    """Jaccard overlap of the titles' words and the attributes, in [0, 1]."""
    left, right = ({*_words(item), *item.attributes} for item in (src, dst))
    return len(left & right) / len(left | right) if left | right else 0.0


def _price_ratio(src: Item, dst: Item) -> float:
    low, high = sorted((src.price or 0.0, dst.price or 0.0))
    return high / low if low > 0 else 1.0
