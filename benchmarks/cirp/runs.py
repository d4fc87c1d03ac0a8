"""What one training measured. Knows no heavy library: pages of figures read it, too."""

from dataclasses import dataclass

EPOCHS = 4
"""Epochs that are timed, after one that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement of one engine: ``items`` trained in ``seconds``, ``waited_s`` of them without a batch to train on.

    ``fill_s`` are the seconds that came before, once: caches filled, journals opened.
    """

    items: int
    seconds: float
    waited_s: float
    flops_per_item: float
    fill_s: float = 0.0

    @property
    def items_per_s(self) -> float:
        """Items a second once everything is warm."""
        return self.items / self.seconds
