"""What a candidate has in common with the given items of a bundle: the features that trees rank candidates by.

The trainer computes its lessons with this very module, so what is served is what was learned from. Plain numpy; N items, G given, C candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SET = "set"
"""The channel of the set encoder."""
REMEMBERED_BYTES = 64 * 2**20
"""What a completion may remember of items that it was asked about."""
NEARNESS = np.float32(0.3)
"""What the nearness of product numbers adds to what candidates are found by."""
BELOW = np.float32(-10)
"""Where items that are no candidates stand: under every candidate, whose scores are probabilities."""
PAIRWISE = ("mean", "max", "min")
PLACES = ("price", "number")
"""What items are near each other in, or above each other: log price, and the shop's own number of the product, which grows with time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which arrays there are: dense and sparse channels (cosines), facets, and how many of the best items of each channel are candidates."""

    dense: tuple[str, ...]
    sparse: tuple[str, ...]
    facets: tuple[str, ...]
    candidates: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings that JSON holds."""
        dense, sparse, facets = (tuple(values[name]) for name in ("dense", "sparse", "facets"))
        return cls(dense, sparse, facets, int(values["candidates"]))

    @property
    def channels(self) -> tuple[str, ...]:
        """Everything that items are found by, the set encoder first."""
        return (SET, *self.dense, *self.sparse)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in their order."""
        pairwise = [f"{name} {how}" for name in (*self.dense, *self.sparse, "met") for how in PAIRWISE]
        facets = [f"{name} {how}" for name in self.facets for how in ("same", "fit mean", "fit max")]
        ranks = [f"{name} rank" for name in self.channels]
        places = [f"{name} {how}" for name in PLACES for how in ("above", "apart", "known")]
        return (SET, *pairwise, *facets, "variant", *places, "given", *ranks)


class Sparse:
    """Rows (N, F) by their terms, and terms by their rows."""

    def __init__(self, indptr: Ints, indices: Ints, data: Floats) -> None:
        self.indptr, self.indices, self.data = indptr, indices, data
        order = np.argsort(indices, kind="stable")
        self.rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))[order]
        self.weights = data[order]
        self.starts = np.searchsorted(indices[order], np.arange(int(indices.max(initial=-1)) + 2))

    def dot(self, row: int) -> Floats:
        """Return the dot product of a row with all rows, (N,)."""
        at = slice(self.indptr[row], self.indptr[row + 1])
        terms, values = self.indices[at], self.data[at]
        lengths = self.starts[terms + 1] - self.starts[terms]
        inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        posts = np.repeat(self.starts[terms], lengths) + inside
        found = np.bincount(self.rows[posts], np.repeat(values, lengths) * self.weights[posts], len(self.indptr) - 1)
        return found.astype(np.float32)

    def dots(self, rows: Ints) -> Floats:
        """Return the dot products of some rows with all rows, (B, N)."""
        return np.stack([self.dot(int(row)) for row in rows])

    def row(self, row: int) -> Floats:
        """Return a row of a square matrix, (N,)."""
        found = np.zeros(len(self.indptr) - 1, dtype=np.float32)
        at = slice(self.indptr[row], self.indptr[row + 1])
        found[self.indices[at]] = self.data[at]
        return found


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates of one question."""

    items: Ints
    """(C,) positions, ascending; none is given."""
    features: Floats
    """(C, F) in the order of ``Settings.columns``."""
    others: Floats
    """(N,) what all other items are ordered by: the set encoder, and words."""


class Completion:
    """Everything that is known of the N items, by name, as the trainer wrote it."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], settings: Settings) -> None:
        self.settings = settings
        self.dense = {name: arrays[f"near_{name}"] for name in settings.dense}
        self.sparse = {name: _sparse(arrays, f"near_{name}") for name in settings.sparse}
        self.met = _sparse(arrays, "met")
        self.targets, self.word_share = arrays["set_target"], arrays["word_share"][0]
        self.codes, self.variants = arrays["facets"], arrays["variants"]
        self.places = {name: arrays[f"place_{name}"] for name in PLACES}
        self.remembered: dict[int, Floats] = {}
        self.affinities = [arrays[f"affinity_{i}"] for i in range(len(settings.facets))]

    def find(self, given: Ints, query: Floats) -> Found:
        """Return the candidates for given items (G,) and the set encoder's ``query`` (d,) of them."""
        rows = np.stack([self._near(int(item)) for item in given], axis=1)
        near = {SET: (self.targets @ query)[None], **dict(zip((*self.dense, *self.sparse), rows, strict=True))}
        means = np.stack([rows.mean(axis=0) for rows in near.values()])
        words = [self.settings.channels.index(name) for name in self.settings.sparse]
        others = means[0] + self.word_share * means[words].mean(axis=0) if words else means[0]
        coeval = others + NEARNESS * self._nearness(given)
        items = self._best(np.vstack([means, others[None], coeval[None]]), given)
        return Found(items, self._features(given, items, near, means), others)

    def remember(self, items: Ints) -> None:
        """Look up what many items are near to in one pass, for questions that follow."""
        wanted = np.array([item for item in np.unique(items).tolist() if item not in self.remembered], dtype=np.int64)
        if len(wanted):
            self._keep(wanted, [*(of[wanted] @ of.T for of in self.dense.values()), *(of.dots(wanted) for of in self.sparse.values())])

    def _near(self, item: int) -> Floats:
        """Return what an item is near to, by channel (K, N); of the items that were last asked about it is remembered."""
        if item not in self.remembered:
            one = np.array([item])
            self._keep(one, [*((of @ of[item])[None] for of in self.dense.values()), *(of.dots(one) for of in self.sparse.values())])
        return self.remembered[item]

    def _keep(self, items: Ints, channels: list[Floats]) -> None:
        """Remember rows (B, N) of each channel; the oldest give way."""
        rows = np.stack(channels, axis=1) if channels else np.zeros((len(items), 0, len(self.variants)), dtype=np.float32)
        self.remembered |= dict(zip(items.tolist(), rows.copy(), strict=True))
        room = max(len(items), REMEMBERED_BYTES // max(1, rows[0].nbytes))
        for item in list(self.remembered)[: max(0, len(self.remembered) - room)]:
            del self.remembered[item]

    def _best(self, means: Floats, given: Ints) -> Ints:
        """Return the items that stand among the best of a channel with more than nothing, less the given ones."""
        means = means.copy()
        means[:, given] = -np.inf
        k = min(self.settings.candidates, means.shape[1])
        best = np.argpartition(-means, k - 1, axis=1)[:, :k]
        return np.unique(best[np.take_along_axis(means, best, axis=1) > 0]).astype(np.int64)

    def _features(self, given: Ints, items: Ints, near: Mapping[str, Floats], means: Floats) -> Floats:
        met = np.log1p(np.stack([self.met.row(int(item))[items] for item in given]))
        pairwise = [near[name][:, items] for name in (*self.settings.dense, *self.settings.sparse)]
        columns = [near[SET][0, items], *(column for rows in (*pairwise, met) for column in _spread(rows))]
        columns += [column for i in range(len(self.settings.facets)) for column in self._facet(i, given, items)]
        columns += [(self.variants[given][:, None] == self.variants[items]).mean(axis=0)]
        columns += [column for of in self.places.values() for column in _place(of[given], of[items])]
        columns += [np.full(len(items), len(given)), *(_ranks(row[items]) for row in means)]
        return np.stack(columns, axis=1).astype(np.float32)

    def _facet(self, i: int, given: Ints, items: Ints) -> list[npt.NDArray[Any]]:
        """Return how often the given items have the candidate's value, and how well their values go together."""
        own, others = self.codes[given, i][:, None], self.codes[items, i][None, :]
        same = ((own == others) & (own > 0)).mean(axis=0)
        if not self.affinities[i].size:
            return [same, np.zeros(len(items)), np.zeros(len(items))]
        fit = self.affinities[i][own, others]
        return [same, fit.mean(axis=0), fit.max(axis=0)]

    def _nearness(self, given: Ints) -> Floats:
        """Return (N,) how near the numbers of the products are to the given items', from 0 to 1; 0 where one is not known."""
        number = self.places["number"]
        own = number[given][np.isfinite(number[given])]
        if not len(own):
            return np.zeros(len(number), dtype=np.float32)
        near = np.exp(-np.abs(number[None, :] - own[:, None])).mean(axis=0)
        return np.where(np.isfinite(number), near, 0).astype(np.float32)


def _place(given: Floats, items: Floats) -> list[npt.NDArray[Any]]:
    """Return how far the candidates are above the given items' mean, how far from the nearest, and whether both are known."""
    own = given[np.isfinite(given)]
    known = np.isfinite(items) & bool(len(own))
    if not len(own):
        return [np.zeros(len(items)), np.zeros(len(items)), known]
    places = np.where(known, items, own.mean())
    return [places - own.mean(), np.abs(places[None, :] - own[:, None]).min(axis=0) * known, known]


def as_probability(raw: Floats, slope: float, intercept: float) -> Floats:
    """Return probabilities (C,) of the trees' raw scores."""
    return (1 / (1 + np.exp(-(slope * raw.astype(np.float64) + intercept)))).astype(np.float32)


def order_items(found: Found, ranked: Floats | None) -> Floats:
    """Return scores (N,): what ``ranked`` (C,) says of the candidates and all else below; where nothing ranked them, one order for all."""
    if ranked is None:
        return found.others
    scores = np.asarray(BELOW + found.others, dtype=np.float32)
    scores[found.items] = ranked
    return scores


def _spread(rows: Floats) -> list[Floats]:
    return [rows.mean(axis=0), rows.max(axis=0), rows.min(axis=0)]


def _ranks(scores: Floats) -> Floats:
    """Return the log of each candidate's place, best first; ties share the first of theirs."""
    ordered = np.sort(-scores)
    return np.log1p(np.searchsorted(ordered, -scores)).astype(np.float32)


def _sparse(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Sparse:
    return Sparse(*(arrays[f"{name}_{part}"] for part in ("indptr", "indices", "data")))
