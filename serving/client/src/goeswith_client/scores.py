"""How much the model thinks of given pairs: both relations of each, so that a caller may rank a list of its own."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from goeswith_client.answers import TYPES, PairScore, Scored, Type
from goeswith_client.chain import read_ranked
from goeswith_client.errors import ModelRefused
from goeswith_client.limits import MAX_K, MAX_THREADS
from goeswith_client.triton import Models

Pair = tuple[str, str]
Found = Mapping[str, Scored]
"""The scores of one item's candidates."""
OUTPUTS = ("item_ids", "scores", "standing")


def score_pairs(models: Models, pairs: Sequence[Pair]) -> tuple[tuple[PairScore, ...], str | None, tuple[str, ...]]:
    """Return the scores in the order of the pairs, the model's version, and notes on items that the model does not know.

    One request an item, relation and ``MAX_K`` candidates. Raises ``ModelUnavailable`` and ``DeadlineExceeded``: nothing else can answer this.
    """
    asked = [(src, kind, part) for src, candidates in _by_source(pairs).items() for part in _parts(candidates) for kind in TYPES]
    found: dict[tuple[str, Type], dict[str, Scored]] = {}
    versions, notes = set[str](), dict[str, None]()
    with ThreadPoolExecutor(min(MAX_THREADS, len(asked))) as pool:
        for (src, kind, _), (scored, version, note) in zip(asked, pool.map(lambda question: _ask(models, *question), asked), strict=True):
            found.setdefault((src, kind), {}).update(scored)
            versions |= {version} if version else set()
            notes |= dict.fromkeys([note] if note else [])
    return tuple(_pair(pair, found) for pair in pairs), max(versions, default=None, key=int), tuple(notes)


def _by_source(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for src, dst in dict.fromkeys(pairs):
        found.setdefault(src, []).append(dst)
    return found


def _parts(candidates: Sequence[str]) -> list[Sequence[str]]:
    return [candidates[start : start + MAX_K] for start in range(0, len(candidates), MAX_K)]


def _ask(models: Models, src: str, kind: Type, candidates: Sequence[str]) -> tuple[Found, str, str]:
    inputs = {
        "item_id": ("BYTES", src),
        "type": ("BYTES", kind),
        "k": ("INT32", len(candidates)),
        "candidates": ("BYTES", list(candidates)),
    }
    try:
        answer = models.infer("relations", inputs, OUTPUTS)
    except ModelRefused as error:
        return {}, "", error.what
    ranked = zip(read_ranked(answer.outputs), answer.outputs["standing"], strict=False)
    return {known.item_id: Scored(score=known.score, standing=standing) for known, standing in ranked}, answer.model_version, ""


def _pair(pair: Pair, found: Mapping[tuple[str, Type], Found]) -> PairScore:
    src, dst = pair
    scored = {kind: found[src, kind].get(dst) for kind in TYPES}
    standing = {kind: known.standing for kind, known in scored.items() if known is not None and known.standing > 0}
    return PairScore(src=src, dst=dst, type=max(standing, default=None, key=lambda kind: standing[kind]), **scored)
