"""Bundle completion as arrays: which item of a bundle or basket is left out, and what is given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.dataset import Ints, Times

MAX_BASKET = 15
"""Items that a basket keeps (the first by position): one huge basket would otherwise be half of all cases."""


@dataclass(frozen=True, slots=True)
class BundleCases:
    """M leave-one-out cases over U bundles or baskets."""

    units: tuple[tuple[int, ...], ...]
    """Item positions of each bundle, two or more."""
    unit: Ints
    """(M,) the bundle of each case."""
    target: Ints
    """(M,) the item left out."""
    times: Times
    """(U,) when the bundle became known; NaT where the source has no times."""

    def __len__(self) -> int:
        """Return M."""
        return len(self.target)

    def take(self, at: Ints | slice) -> "BundleCases":
        """Return some of the cases, in that order."""
        return BundleCases(self.units, self.unit[at], self.target[at], self.times)

    def given(self, case: int) -> list[int]:
        """Return the items of a case's bundle less its target."""
        return [item for item in self.units[self.unit[case]] if item != self.target[case]]


def leave_one_out(units: Sequence[Sequence[int]], times: Times, *, max_cases: int, seed: int) -> BundleCases:
    """Return the cases of every (bundle, item); whole bundles are drawn until ``max_cases`` is reached.

    Bundles of one item are skipped, longer ones cut at ``MAX_BASKET``.
    """
    kept = [tuple(sorted(set(unit))[:MAX_BASKET]) for unit in units]
    order = [i for i in np.random.default_rng(seed).permutation(len(kept)) if len(kept[i]) >= 2]
    reached = np.cumsum([len(kept[i]) for i in order])
    chosen = sorted(order[: int(np.searchsorted(reached, max_cases, side="right"))])
    sizes = [len(kept[i]) for i in chosen]
    return BundleCases(
        units=tuple(kept[i] for i in chosen),
        unit=np.repeat(np.arange(len(chosen)), sizes).astype(np.int64),
        target=np.array([item for i in chosen for item in kept[i]], dtype=np.int64),
        times=times[chosen],
    )
