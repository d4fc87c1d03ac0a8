"""A learned judge as a folder: ``weights.safetensors`` and ``recipe.json``, which names the weights' sha256. Numpy alone runs it.

Shapes: P pairs, F features, 3 labels in the order of ``LABELS``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ModelInvalid
from goeswith.pair_judge.features import VERSION, Floats, Rows, Shape, build_rows
from goeswith.pair_judge.item import Item
from goeswith.results import write_atomically

RECIPE, WEIGHTS = "recipe.json", "weights.safetensors"
REMEDY = "run: goeswith job train_judge, and name the folder that its summary names"

Chances = npt.NDArray[np.float64]
Pairs = Sequence[tuple[Item, Item]]
Kind = Literal["distilled", "supervised"]


class Recipe(BaseModel):
    """All of the model but its weights. ``kind``: learned from a language model's verdicts, or from people's labels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    teacher: str
    """Whose verdicts or labels: a judge of the catalogue, or the name of a file of labels."""
    features: str
    classes: tuple[str, ...]
    ngrams: tuple[int, int]
    bits: int
    temperature: Annotated[float, Field(gt=0)]
    abstain_below: Annotated[float, Field(ge=0, le=1)]
    pairs: int
    """Labelled pairs that the weights were fitted on."""
    weights: str
    """sha256 of the weights' file."""

    @property
    def shape(self) -> Shape:
        """How wide the features are."""
        return Shape(*self.ngrams, self.bits)


@dataclass(frozen=True)
class PairModel:
    """A multinomial logistic regression over ``features``; its answer in one order takes the other order into account."""

    recipe: Recipe
    weights: Floats
    """(F, 3)."""

    @cached_property
    def revision(self) -> str:
        """The first 16 digits of the sha256 over the recipe, which names the weights'."""
        return sha256(self.recipe.model_dump_json().encode()).hexdigest()[:16]

    def ask(self, pairs: Pairs) -> "Answers":
        """Return what the model says of P pairs."""
        return combine(*self.logits(pairs), self.recipe.temperature)

    def logits(self, pairs: Pairs) -> "tuple[Chances, Chances]":
        """Return (P, 3) of the pairs as they are asked, and (P, 3) of the pairs turned round."""
        there = build_rows(pairs, self.recipe.shape)
        back = build_rows([(dst, src) for src, dst in pairs], self.recipe.shape)
        return multiply(there, self.weights), multiply(back, self.weights)


@dataclass(frozen=True, slots=True)
class Answers:
    """``chances`` (P, 3) sum to one; ``confidence`` (P,) is the greatest chance in the mean of both orders, so one for both."""

    chances: Chances
    confidence: Chances


def multiply(rows: Rows, weights: Floats) -> Chances:
    """Return rows times weights, (P, 3)."""
    if len(rows.starts) == 1:
        return np.zeros((0, weights.shape[1]))
    terms = weights[rows.columns].astype(np.float64) * rows.values[:, None]
    sums: Chances = np.add.reduceat(terms, rows.starts[:-1], axis=0)
    return sums


def combine(there: Chances, back: Chances, temperature: float) -> Answers:
    """Return the answers to logits (P, 3) of both orders: one p_substitute for both, what is left of it shared out as each order says."""
    asked, turned = softmax(there / temperature), softmax(back / temperature)
    mean = (asked + turned) / 2
    goes_with = asked[:, 1] / (asked[:, 1] + asked[:, 2])
    rest = 1 - mean[:, 0]
    return Answers(np.stack([mean[:, 0], rest * goes_with, rest * (1 - goes_with)], axis=1), mean.max(axis=1))


def softmax(logits: Chances) -> Chances:
    """Return probabilities (P, 3); chances of zero are kept off, so that shares of them are defined."""
    powers = np.exp(np.maximum(logits - logits.max(axis=1, keepdims=True), -500.0))
    chances: Chances = powers / powers.sum(axis=1, keepdims=True)
    return chances


def write_model(folder: Path, recipe: Recipe, weights: Floats) -> PairModel:
    """Write weights, then the recipe that names their sha256; a crash between both leaves a folder that is refused."""
    stored = save({"weights": np.ascontiguousarray(weights, dtype=np.float32)})
    write_atomically(folder / WEIGHTS, stored)
    named = recipe.model_copy(update={"weights": sha256(stored).hexdigest()})
    write_atomically(folder / RECIPE, named.model_dump_json(indent=1) + "\n")
    return PairModel(named, weights)


def read_recipe(folder: Path) -> Recipe:
    """Return what a folder says of its model. Raises ``ModelInvalid`` where it is missing or damaged."""
    try:
        return Recipe.model_validate_json((folder / RECIPE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelInvalid(f"{folder} holds no learned judge: {error}", REMEDY) from error


def load_model(folder: Path) -> PairModel:
    """Return the model of a folder. Raises ``ModelInvalid`` where a file is missing, damaged, or of other features or labels."""
    recipe = read_recipe(folder)
    try:
        stored = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelInvalid(f"{folder} holds no learned judge: {error}", REMEDY) from error
    if sha256(stored).hexdigest() != recipe.weights:
        raise ModelInvalid(f"{folder / WEIGHTS} is not the file that {RECIPE} names", REMEDY)
    if (recipe.features, recipe.classes) != (VERSION, LABELS):
        raise ModelInvalid(f"the judge in {folder} reads features {recipe.features!r}, this version builds {VERSION!r}", REMEDY)
    return PairModel(recipe, _weights(stored, folder, recipe))


def _weights(stored: bytes, folder: Path, recipe: Recipe) -> Floats:
    try:
        weights: Floats = load(stored)["weights"]
    except (SafetensorError, KeyError) as error:
        raise ModelInvalid(f"{folder / WEIGHTS} holds no weights: {error}", REMEDY) from error
    if weights.shape != (recipe.shape.width, len(LABELS)):
        raise ModelInvalid(f"{folder / WEIGHTS} is {weights.shape}, its recipe asks for {(recipe.shape.width, len(LABELS))}", REMEDY)
    return weights
