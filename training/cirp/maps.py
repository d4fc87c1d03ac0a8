"""CIRP's last stage: maps of the towers' vectors into the common space, learned anew by the same objective, beside still towers.

The towers learn in batches that hold pictures, at a rate that a network from scratch needs: a pretrained text's projection goes far in that time,
and what it learns holds of the items that were sold more than of new ones. The towers' vectors, once read, let projections learn from their
beginning in seconds, in more than one way: linear maps hold of new items best, those with a hidden layer of what goes together across kinds.
Validation says which is kept, or that the projections of the towers' own training are (docs/adr/0017).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.cirp.batches import ends_and_others
from training.cirp.known import Known
from training.cirp.losses import Contrast, Encoded, Modality
from training.cirp.model import Cirp, Projection
from training.cirp.neighbours import ItemGraph
from training.cirp.queue import FeatureQueue
from training.cirp.recipe import CirpRecipe, MapTrial
from training.cirp.task import objective
from training.cirp.validation import Validation
from training.trainer.loop import Row, TrainerConfig, fit, scale_lr
from training.trainer.task import Task, Tensors

STEPS_BETWEEN = 100
"""Optimizer steps from one look at validation to the next."""
PATIENCE = 3
"""Looks without a better score after which a trial ends."""
CHUNK = 4_096
OWN = "own"
"""The projections of the towers' own training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChoice:
    """Which trial was best (its name, or ``OWN``), after how many steps, by which validation; ``scores`` are those of all."""

    trial: str
    steps: int
    validated_by: str
    scores: Mapping[str, float]
    seconds: float = field(default=0.0, compare=False)
    """That all trials took."""


def name_of(trial: MapTrial) -> str:
    """Return the name of a trial, which no other of its recipe has."""
    return f"{'hidden' if trial.hidden else 'linear'}-{trial.rate:g}"


class MapBatch(NamedTuple):
    """B items with the towers' vectors (B, dt) and (B, di), and whether each has them (B,)."""

    items: Tensor
    text: Tensor
    image: Tensor
    has_text: Tensor
    has_image: Tensor


class MapTask(Task):
    """The recipe's objective over kept tower ``vectors``, as ``encode_all`` gives them; an epoch is ``STEPS_BETWEEN`` steps."""

    def __init__(self, model: Cirp, vectors: Tensors, graph: ItemGraph, recipe: CirpRecipe, validation: Validation | None) -> None:
        self.model: Cirp = model
        self.vectors, self.graph, self.recipe, self.validation = vectors, graph, recipe, validation
        self.known, self.nothing = Known(graph, recipe), FeatureQueue(0, recipe.dim)
        self.single_modality = not (vectors["has_text"].any() and vectors["has_image"].any())

    def steps_per_epoch(self) -> int:
        """Return how many steps lie between two looks at validation."""
        return STEPS_BETWEEN

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the items of each batch."""
        for items in ends_and_others(self.graph, STEPS_BETWEEN, self.recipe.batch, generator):
            yield torch.unique(items)

    def load(self, plan: Tensor) -> MapBatch:
        """Read the vectors of a plan's items."""
        return read_rows(self.vectors, plan)

    def losses(self, batch: MapBatch) -> Tensors:
        """Return the recipe's terms; the temperature is its, too."""
        model, (items, text, image, has_text, has_image) = self.model, batch
        t, v = model.text_projection(text), model.image_projection(image)
        encoded = Encoded(items, Modality(t, has_text), Modality(v, has_image), model.fuse(t, v, has_text, has_image))
        relations, nothing = self.known.relate(items, items), self.nothing.to(t.device).read()
        contrast = Contrast(encoded, nothing, t.new_tensor(self.recipe.temperature), relations)
        return objective(contrast, self.recipe, single_modality=self.single_modality)

    def validate(self) -> dict[str, float]:
        """Return how well its items rank; {} without one."""
        return {} if self.validation is None else {"score": score_features(self.model, self.vectors, self.validation)}

    def items_in(self, batch: MapBatch) -> int:
        """Return the number of items."""
        return len(batch.items)


def read_rows(vectors: Tensors, items: Tensor) -> MapBatch:
    """Return the vectors of some items."""
    return MapBatch(items, vectors["text"][items], vectors["image"][items], vectors["has_text"][items] > 0, vectors["has_image"][items] > 0)


@torch.no_grad()
def features_of(model: Cirp, vectors: Tensors, items: Tensor) -> Tensor:
    """Return the features (B, d) that the model's projections make of kept tower vectors."""
    device = model.device
    parts = [read_rows(vectors, part)[1:] for part in torch.split(items, CHUNK)]
    return torch.cat([model.feature(*(values.to(device) for values in part)).cpu() for part in parts])


def score_features(model: Cirp, vectors: Tensors, validation: Validation) -> float:
    """Return what validation says of the model's features."""
    return validation.score(features_of(model, vectors, torch.from_numpy(validation.items)))


def choose_maps(
    model: Cirp, vectors: Tensors, graph: ItemGraph, recipe: CirpRecipe, validation: Validation, folder: Path, inputs: Mapping[str, str]
) -> MapChoice:
    """Learn maps in each way that the recipe tries, leave the best in ``model`` (or its own projections, where these are), and say which it is.

    A run that was killed goes on: ``folder`` keeps each trial's checkpoints until its caller removes them.
    """
    best, scores, seconds = _state_of(model), {OWN: score_features(model, vectors, validation)}, 0.0
    chosen, steps = OWN, 0
    for trial in recipe.maps:
        curve = learn_maps(MapTask(model, vectors, graph, recipe, validation), trial, recipe.map_steps, folder, inputs)
        top, seconds = max(curve, key=lambda row: row["score"]), seconds + seconds_of(curve)
        if top["score"] > max(scores.values()):
            best, chosen, steps = _state_of(model), name_of(trial), int(top["step"])
        scores[name_of(trial)] = top["score"]
    _maps_of(model).load_state_dict(best)
    return MapChoice(trial=chosen, steps=steps, validated_by=validation.name, scores=scores, seconds=round(seconds, 1))


def repeat_maps(
    model: Cirp, vectors: Tensors, graph: ItemGraph, recipe: CirpRecipe, decided: MapChoice, folder: Path, inputs: Mapping[str, str]
) -> MapChoice:
    """Learn maps as it was decided on other edges, in ``model``."""
    seconds = 0.0
    for trial in recipe.maps:
        if name_of(trial) == decided.trial:
            seconds = seconds_of(learn_maps(MapTask(model, vectors, graph, recipe, None), trial, decided.steps, folder, inputs))
    return replace(decided, seconds=round(seconds, 1))


def seconds_of(curve: list[Row]) -> float:
    """Return how long a training took."""
    return sum(row["seconds"] for row in curve)


def learn_maps(task: MapTask, trial: MapTrial, steps: int, folder: Path, inputs: Mapping[str, str]) -> list[Row]:
    """Learn maps from their beginning, in place, and return the curve; of what was looked at, the best is left."""
    recipe, name = task.recipe, name_of(trial)
    epochs = max(1, steps // STEPS_BETWEEN)
    config = TrainerConfig(epochs=epochs, lr=trial.rate, seed=recipe.seed, patience=PATIENCE, checkpoint_every=STEPS_BETWEEN)
    with maps_alone_learn(task.model, recipe, hidden=trial.hidden):
        _begin(task.model, recipe)
        return fit(task, config, folder / name, recipe=inputs, what=f"CIRP maps, {name}")


@contextmanager
def maps_alone_learn(model: Cirp, recipe: CirpRecipe, *, hidden: bool) -> Iterator[None]:
    """Let projections learn, ``hidden`` layers or only what is linear, and the picture's share where the recipe's does; all else stays."""
    learning = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    model.requires_grad_(False)
    for projection in (model.text_projection, model.image_projection):
        (projection if hidden else projection.linear).requires_grad_(True)
        scale_lr(projection, 1.0)
    model.log_picture_share.requires_grad_(recipe.picture_share_learns)
    yield
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(learning[name])


def _begin(model: Cirp, recipe: CirpRecipe) -> None:
    torch.manual_seed(recipe.seed)
    for projection, width in ((model.text_projection, model.text_width), (model.image_projection, model.image_width)):
        projection.load_state_dict(Projection(width, recipe.dim).state_dict())
    model.log_picture_share.data.fill_(recipe.picture_share).log_()


def _maps_of(model: Cirp) -> nn.Module:
    """Return what maps are made of: both projections and the picture's share."""
    maps = nn.ModuleDict({"text": model.text_projection, "image": model.image_projection})
    maps.register_parameter("share", model.log_picture_share)
    return maps


def _state_of(model: Cirp) -> Tensors:
    return {name: value.detach().cpu().clone() for name, value in _maps_of(model).state_dict().items()}
