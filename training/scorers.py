"""What evaluation asks of anything that ranks items: our models and every baseline implement these two."""

from collections.abc import Sequence
from typing import Protocol

from training.dataset import Floats, Ints


class BundleScorer(Protocol):
    """Ranks all items as completion of a partly given bundle."""

    @property
    def name(self) -> str:
        """Name of the model in every table."""

    def score(self, given: Sequence[int]) -> Floats:
        """Return one score an item, (N,), for the positions of the given items; the caller masks ``given``."""


class RelationScorer(Protocol):
    """Ranks candidates as substitutes or complements of query items."""

    @property
    def name(self) -> str:
        """Name of the model in every table."""

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return scores (B, C) of ``candidates`` (B, C) for queries ``src`` (B,); ``kind`` is 'substitute' or 'complement'."""
