"""Facets: what kind of thing an item is, in each of several ways (levels of its category, brand, further attributes)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.dataset import Floats, Ints, Items

MOST_FACETS = 12
MOST_VALUES = 600
"""Values of a facet whose pairs are counted; of one that has more, only whether both are the same is told."""
SMOOTHING = 0.3
FEWEST = 0.2
"""Share of the items that must have a facet."""


@dataclass(frozen=True, slots=True)
class Facet:
    """``codes`` (N,) number the values; 0 stands for none."""

    name: str
    codes: Ints

    @property
    def size(self) -> int:
        """Number of values, none among them."""
        return int(self.codes.max(initial=0)) + 1


def list_facets(items: Items) -> list[Facet]:
    """Return the facets that enough items have and that tell items apart, category levels first."""
    depth = max((len(path) for path in items.categories), default=0)
    named: dict[str, Sequence[str | None]] = {
        f"category {level}": [path[level] if level < len(path) else None for path in items.categories] for level in range(depth)
    }
    named["leaf"] = [path[-1] if path else None for path in items.categories]
    named["brand"] = items.brands
    named |= {name: [of.get(name) for of in items.attributes] for name in _attribute_names(items.attributes)}
    found = [Facet(name, _codes(values)) for name, values in named.items()]
    return _distinct([f for f in found if f.size > 2 and (f.codes > 0).mean() >= FEWEST])[:MOST_FACETS]


def _attribute_names(attributes: Sequence[Mapping[str, str]]) -> list[str]:
    counted = Counter(name for of in attributes for name in of)
    return sorted(counted, key=lambda name: (-counted[name], name))


def _codes(values: Sequence[str | None]) -> Ints:
    _, codes = np.unique(np.array([value or "" for value in values], dtype=np.str_), return_inverse=True)
    return codes.astype(np.int64) if "" in values or None in values else codes.astype(np.int64) + 1


def _distinct(facets: Sequence[Facet]) -> list[Facet]:
    """Return the facets less those that number the items as an earlier one does."""
    kept: list[Facet] = []
    for facet in facets:
        if not any(np.array_equal(facet.codes, other.codes) for other in kept):
            kept.append(facet)
    return kept


def affinity(facet: Facet, src: Ints, dst: Ints) -> Floats:
    """Return how much likelier than chance two values meet, (V, V) log lift, from pairs of items (P,) that stood in one unit."""
    if facet.size > MOST_VALUES:
        return np.zeros((0, 0), dtype=np.float32)
    met = sp.coo_matrix((np.ones(len(src)), (facet.codes[src], facet.codes[dst])), (facet.size, facet.size)).toarray()
    chance = met.sum(axis=1, keepdims=True) * met.sum(axis=0, keepdims=True) / max(1.0, met.sum())
    found: Floats = np.log((met + SMOOTHING) / (chance + SMOOTHING)).astype(np.float32)
    return found
