"""False edges for experiments: what shops really have wrong, planted into the training pairs and never into what is tested.

Every function returns the pairs of a training set that lies, drawn by ``rng`` alone. A false edge looks like a true one: weight, relation and
count are those of an edge that is there, and what holds both ways does so.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from training.dataset import Bools, Ints, Pairs, TrainingSet
from training.evaluation.graph import KINDS
from training.mmsc.pairs import unordered_keys

BOTS = 50
"""Items of the ring that bots buy together."""

Lie = Callable[[TrainingSet, np.random.Generator], Pairs]


def random_edges(share: float) -> Lie:
    """Return the lie that adds ``share`` times as many false edges as there are true ones: true ones with both ends replaced at random."""

    def lie(training: TrainingSet, rng: np.random.Generator) -> Pairs:
        pairs, size = training.pairs, len(training.items)
        names, of = _unordered(pairs, size)
        drawn = np.flatnonzero(rng.random(len(names)) < share)
        ends = rng.integers(0, size, (2, len(names)))
        copied = np.flatnonzero(np.isin(of, drawn) & (ends[0, of] != ends[1, of]))
        forth = pairs.src[copied] < pairs.dst[copied]
        first, second = ends[0, of[copied]], ends[1, of[copied]]
        false = replace(pairs.take(copied), src=np.where(forth, first, second), dst=np.where(forth, second, first))
        return pairs.joined(false)

    return lie


def exchanged_relations(share: float) -> Lie:
    """Return the lie that calls ``share`` of the pairs of each type the other type."""

    def lie(training: TrainingSet, rng: np.random.Generator) -> Pairs:
        names, of = _unordered(training.pairs, len(training.items))
        return _exchanged(training.pairs, (rng.random(len(names)) < share)[of])

    return lie


def ring_of_bots(training: TrainingSet, rng: np.random.Generator) -> Pairs:
    """Join ``BOTS`` random items all with all as complements, as strong as the strongest edge: what bought reviews look like."""
    ring = rng.permutation(len(training.items))[:BOTS]
    src, dst = (end.ravel() for end in np.meshgrid(ring, ring))
    apart = src != dst
    strongest = int(np.argmax(training.pairs.of_type("complement").weights))
    copied = training.pairs.of_type("complement").take(np.full(int(apart.sum()), strongest))
    return training.pairs.joined(replace(copied, src=src[apart], dst=dst[apart]))


def mislabelled_category(training: TrainingSet, rng: np.random.Generator) -> Pairs:
    """Exchange both types for every pair within one category, drawn among the ten whose items have most pairs among themselves."""
    deepest = np.array([path[-1] if path else "" for path in training.items.categories], dtype=np.str_)
    pairs = training.pairs
    own = deepest[pairs.src]
    inside = (own == deepest[pairs.dst]) & (own != "")
    names, counts = np.unique(own[inside], return_counts=True)
    chosen = rng.choice(names[np.argsort(-counts, kind="stable")[:10]])
    return _exchanged(pairs, inside & (own == chosen))


LIES: Mapping[str, Lie] = {
    **{f"noise-{percent}": random_edges(percent / 100) for percent in (10, 20, 40)},
    **{f"exchanged-{percent}": exchanged_relations(percent / 100) for percent in (10, 20, 40)},
    "bots": ring_of_bots,
    "mislabelled": mislabelled_category,
}
"""Lies by name."""


def _unordered(pairs: Pairs, size: int) -> tuple[Ints, Ints]:
    """Return one number a typed pair without direction, and which of them (P,) each row belongs to."""
    names, of = np.unique((pairs.types == KINDS[1]) * size * size + unordered_keys(pairs, size), return_inverse=True)
    return names, of


def _exchanged(pairs: Pairs, wrong: Bools) -> Pairs:
    """Return pairs with the type of the ``wrong`` ones (P,) exchanged; one that stands there already is not said twice."""
    types = np.where(wrong, np.where(pairs.types == KINDS[0], KINDS[1], KINDS[0]), pairs.types)
    keys = np.stack([pairs.src, pairs.dst, (types == KINDS[1]).astype(np.int64)])
    order = np.lexsort((wrong, *keys))
    repeated = np.zeros(len(pairs), dtype=np.bool_)
    repeated[order[1:]] = (keys[:, order[1:]] == keys[:, order[:-1]]).all(0)
    return replace(pairs, types=types).where(~repeated)
