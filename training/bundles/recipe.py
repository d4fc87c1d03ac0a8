"""The recipe of bundle completion."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class BundleRecipe:
    """What is learned, from how much, and for how long."""

    dim: Count = 128
    """Width of the space of queries and targets."""
    heads: Count = 4
    word_dim: Count = 192
    """Width that the words of all texts are reduced to."""
    batch: Count = 256
    epochs: Count = 6
    most_cases: Count = 60_000
    """Cases of an epoch."""
    lr: float = 1e-3
    weight_decay: float = 0.1
    temperature: float = 0.07
    max_baskets: Count = 100_000
    """Baskets that are read, drawn by a hash of their ids."""
    folds: Annotated[int, Field(ge=2)] = 5
    asked: Count = 10_000
    """Cases that the trees learn on."""
    candidates: Count = 150
    """Best items of each channel that the trees rank."""
    tree_negatives: Count = 120
    rounds: Count = 150
    leaves: Annotated[int, Field(ge=2)] = 15
    tree_lr: float = 0.05
    seed: int = 42
