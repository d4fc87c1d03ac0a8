"""Which pairs the losses see, which stay hidden, and what may be a negative."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.dataset import UNDATED, Ints, Pairs
from training.mmsc.content import Tokens
from training.mmsc.recipe import KINDS, MmscRecipe

FEWEST_HIDDEN = 20
"""A task with fewer pairs than would give so many hidden ones hides none: it could choose nothing by them."""
CONTENT_NEIGHBOURS = 5
KEPT = -1
"""As a round: the pair is not hidden."""
MOST_ROUNDS = 16
MOST_LATER = 0.5
"""Greatest share of the pairs that may come after the first hidden day: else too little is left to learn from."""
BLOCK = 1_024


@dataclass(frozen=True, slots=True)
class Split:
    """``kept`` makes the graph and the losses; ``hidden`` chooses the epoch and teaches the re-ranker, by what ``known`` counts.

    ``rounds`` (len(hidden),) numbers the round in which each hidden pair was drawn: in one round an item loses one pair of a task at most.
    """

    kept: Pairs
    hidden: Pairs
    rounds: Ints
    known: Pairs


def unordered_keys(pairs: Pairs, num_items: int) -> Ints:
    """Return one key (P,) a pair that both of its directions share."""
    return np.minimum(pairs.src, pairs.dst) * num_items + np.maximum(pairs.src, pairs.dst)


def split_pairs(pairs: Pairs, num_items: int, recipe: MmscRecipe) -> Split:
    """Hide ``recipe.hidden`` of the pairs, both directions, ``recipe.max_hidden`` of a task at most: the latest ones where pairs are dated.

    What comes after the first of them is then not known to anything. A pair is foretold from what came before, not from the other pairs of the
    very session that it comes from, and of new items nothing is known, as it will be.
    """
    since = first_hidden_day(pairs, recipe.hidden) if recipe.hide == "latest" else None
    return _at_random(pairs, num_items, recipe) if since is None else _latest(pairs, num_items, recipe, since)


def first_hidden_day(pairs: Pairs, share: float) -> int | None:
    """Return the latest day from which on ``share`` of the pairs met first; None where no such day leaves half of them before it."""
    days, count = np.unique(pairs.days, return_counts=True)
    later = np.cumsum(count[::-1])[::-1] / max(1, len(pairs))
    found = np.flatnonzero((later >= share) & (later <= MOST_LATER) & (days != UNDATED))
    return int(days[found[-1]]) if len(found) else None


def _latest(pairs: Pairs, num_items: int, recipe: MmscRecipe, since: int) -> Split:
    """Hide pairs of the days from ``since`` on; those that are more than ``recipe.max_hidden`` are neither kept nor hidden."""
    rng, keys, early = np.random.default_rng(recipe.seed), unordered_keys(pairs, num_items), pairs.days < since
    before = pairs.where(early)
    some = np.zeros(len(pairs), dtype=np.bool_)
    for kind in KINDS:
        own = pairs.types == kind
        late = np.setdiff1d(keys[own & ~early], keys[own & early])
        some |= own & np.isin(keys, rng.permutation(late)[: recipe.max_hidden])
    return Split(before, pairs.where(some), np.zeros(int(some.sum()), dtype=np.int64), before)


def _at_random(pairs: Pairs, num_items: int, recipe: MmscRecipe) -> Split:
    """Hide pairs item by item, not pair by pair: what is asked for is each item's list, and hubs have most of the pairs."""
    rng = np.random.default_rng(recipe.seed)
    rounds = np.full(len(pairs), KEPT, dtype=np.int64)
    for kind in KINDS:
        own = np.flatnonzero(pairs.types == kind)
        keys, of = np.unique(unordered_keys(pairs.take(own), num_items), return_inverse=True)
        count = min(recipe.max_hidden, int(len(keys) * recipe.hidden))
        if count >= FEWEST_HIDDEN:
            rounds[own] = draw_rounds(np.stack([keys // num_items, keys % num_items]), count, rng)[of]
    hidden = rounds != KEPT
    return Split(pairs.where(~hidden), pairs.where(hidden), rounds[hidden], pairs)


def draw_rounds(ends: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Return the round in which each pair, of ``ends`` (2, P), is drawn, ``KEPT`` for those that are not; ``count`` pairs in all, or fewer.

    Fewer where ``MOST_ROUNDS`` do not find as many, as around one hub that has all the pairs.
    """
    rounds = np.full(ends.shape[1], KEPT, dtype=np.int64)
    for number in range(MOST_ROUNDS):
        free = np.flatnonzero(rounds == KEPT)
        left = count - (len(rounds) - len(free))
        if left <= 0:
            break
        rounds[free[disjoint(ends[:, free], rng)[:left]]] = number
    return rounds


def disjoint(ends: Ints, rng: np.random.Generator) -> Ints:
    """Return positions of pairs, of ``ends`` (2, P), that share no item: each item proposes one of its own at random, the first to come is taken."""
    count = ends.shape[1]
    order = rng.permutation(2 * count)
    _, first = np.unique(ends.ravel()[order], return_index=True)
    proposed = rng.permutation(np.unique(order[first] % count))
    _, first = np.unique(ends[:, proposed].T.ravel(), return_index=True)
    earliest = np.zeros(2 * len(proposed), dtype=np.bool_)
    earliest[first] = True
    return np.asarray(proposed[earliest.reshape(-1, 2).all(1)])


def with_content_pairs(pairs: Pairs, tokens: Tokens) -> tuple[Pairs, tuple[str, ...]]:
    """Return ``pairs`` with the nearest items by untrained content standing in for each task that has none, and those tasks.

    Such a task answers by content and says so; items without any content stay out.
    """
    missing = tuple(kind for kind in KINDS if not (pairs.types == kind).any())
    for kind in missing:
        pairs = pairs.joined(nearest_pairs(tokens, kind))
    return pairs, missing


def nearest_pairs(tokens: Tokens, kind: str) -> Pairs:
    """Return each item's ``CONTENT_NEIGHBOURS`` nearest by untrained content as pairs of type ``kind``, weighted by cosine."""
    some = torch.nonzero(tokens.any_present).flatten()
    plain = tokens.take(some).plain()
    count = min(CONTENT_NEIGHBOURS, max(0, len(some) - 1))
    src, dst, weights = [], [], []
    for start in range(0, len(some) if count else 0, BLOCK):
        rows = torch.arange(start, min(start + BLOCK, len(some)))
        similar = (plain[rows] @ plain.T).index_put_((torch.arange(len(rows)), rows), torch.tensor(-2.0))
        best, at = similar.topk(count, dim=1)
        src.append(some[rows].repeat_interleave(count))
        dst.append(some[at.flatten()])
        weights.append(best.flatten().clamp_min(1e-3))
    return _pairs_of(kind, *(torch.cat(part) if part else torch.zeros(0) for part in (src, dst, weights)))


def _pairs_of(kind: str, src: Tensor, dst: Tensor, weights: Tensor) -> Pairs:
    names = np.full(len(src), kind), np.full(len(src), "content")
    return Pairs(src.long().numpy(), dst.long().numpy(), *names, weights.float().numpy(), np.ones(len(src), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Whether two items are joined in a task: ``keys`` hold each task's pairs in both directions, ``directed`` complements as they are."""

    num_items: int
    keys: dict[str, Ints]
    directed: Ints

    @classmethod
    def build(cls, pairs: Pairs, num_items: int) -> "Adjacency":
        """Index the pairs of both tasks."""
        of = {kind: pairs.of_type(kind) for kind in KINDS}
        keys = {k: np.unique(np.concatenate([p.src * num_items + p.dst, p.dst * num_items + p.src])) for k, p in of.items()}
        complements = of[KINDS[1]]
        return cls(num_items, keys, np.unique(complements.src * num_items + complements.dst))

    def joined(self, kind: str, src: Ints, dst: Ints) -> npt.NDArray[np.bool_]:
        """Return whether each of ``src`` is joined to its ``dst`` (broadcastable shapes) either way, or is the same item."""
        return np.asarray(_is_in(self.keys[kind], src * self.num_items + dst) | (src == dst))

    def directed_complement(self, src: Ints, dst: Ints) -> npt.NDArray[np.bool_]:
        """Return whether the complement edge stands in this very direction."""
        return _is_in(self.directed, src * self.num_items + dst)


def _is_in(keys: Ints, wanted: Ints) -> npt.NDArray[np.bool_]:
    """Return which of ``wanted`` stand in the sorted ``keys``."""
    if not len(keys):
        return np.zeros(wanted.shape, dtype=np.bool_)
    return np.asarray(keys[np.searchsorted(keys, wanted).clip(max=len(keys) - 1)] == wanted)
