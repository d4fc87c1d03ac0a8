"""Experiments: which arm of one a unit belongs to, and what an answer does otherwise for it. Read from ``experiments.json`` beside the features.

A unit is what a caller tells apart, a session or a user. Its arm follows from a hash alone: the same in every process, kept by nobody.
"""

import hashlib
import logging
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from goeswith_client.answers import Name, Trial
from goeswith_client.filters import Filters
from goeswith_client.ranking import Ranking
from goeswith_client.replaced import ReplacedFile

logger = logging.getLogger(__name__)

Question = Literal["substitute", "complement", "bundle"]
Step = Literal["precomputed", "model", "category_bestseller"]
STEPS: tuple[Step, ...] = ("precomputed", "model", "category_bestseller")
"""The fallback chain, in its order."""
FILE = "experiments.json"
_ROUNDING = 1e-9


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Treatment(_Part):
    """What an answer does otherwise: the ``steps`` of the chain that it may take; filters and a ranking where the caller says nothing of them."""

    steps: tuple[Step, ...] = Field(default=STEPS, min_length=1)
    per_category: int | None = Field(default=None, ge=1)
    no_variants: bool | None = None
    ranking: Ranking | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.steps != tuple(step for step in STEPS if step in self.steps):
            raise ValueError(f"steps stand in the chain's order, each once: {', '.join(STEPS)}")
        return self

    def fill(self, filters: Filters) -> Filters:
        """Return the filters with those of the treatment where the caller set none."""
        ours = self.model_dump(include={"per_category", "no_variants"}, exclude_none=True)
        unsaid = {name: value for name, value in ours.items() if name not in filters.model_fields_set}
        return filters.model_copy(update=unsaid) if unsaid else filters


class Arm(_Part):
    """A share of the units, and their treatment."""

    name: Name
    share: float = Field(gt=0, lt=1)
    treatment: Treatment = Treatment()


class Guardrail(_Part):
    """What an arm may not do worse than the control.

    Shares of answers, by more than ``worse_by``: those that fall back on sales, are empty, or hold nothing sure. Purchases a unit: by more than
    that part of the control's.
    """

    metric: Literal["fallbacks", "empty", "unsure", "purchases"]
    worse_by: float = Field(gt=0, le=1)


class Change(_Part):
    """Who did it, when, and why."""

    by: str
    at: datetime
    why: str = ""


class Experiment(_Part):
    """Arms of the answers to one type of question; the first is the control. What runs is never edited: a new name is a new experiment.

    ``salt`` decides which units belong together: an experiment with that of an earlier one keeps units where they were, as far as shares allow.
    """

    name: Name
    type: Question
    salt: Name
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=10)
    guardrails: tuple[Guardrail, ...] = ()
    started: Change
    stopped: Change | None = None

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise ValueError("two arms have the same name")
        if abs(sum(arm.share for arm in self.arms) - 1) > _ROUNDING:
            raise ValueError(f"the shares add up to {sum(arm.share for arm in self.arms):g}, not to 1")
        if self.type == "bundle" and any(arm.treatment.steps != STEPS for arm in self.arms):
            raise ValueError("a bundle's answers take no steps of the chain: leave them out")
        return self

    def assign(self, unit: str) -> Arm:
        """Return a unit's arm: that of the first of independent arrivals, one an arm, whose rates are the shares.

        Where shares change, units move only from arms that shrank or to arms that grew, and no rule moves fewer for one change without moving
        more for another (P-MinHash: Moulton and Jiang, "Maximally Consistent Sampling and the Jaccard Index of Probability Distributions", 2018).
        """
        return min(self.arms, key=lambda arm: -math.log(_uniform(f"{self.salt}/{arm.name}/{unit}")) / arm.share)


class Placed(NamedTuple):
    """What holds for one question."""

    trial: Trial | None = None
    treatment: Treatment = Treatment()


EXPERIMENTS = TypeAdapter(tuple[Experiment, ...])


class Experiments:
    """The experiments of a deployment, read again when their file was replaced; none where there is no file."""

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else ReplacedFile[Sequence[Experiment]](folder / FILE, _parse, missing=())

    def all(self) -> Sequence[Experiment]:
        """Return every experiment, the stopped ones too."""
        return () if self._file is None else self._file.read()

    def place(self, question: str, unit: str) -> Placed:
        """Return the arm that answers a unit's question; without a unit, or an experiment about such questions, there is none."""
        running = (found for found in self.all() if found.stopped is None and found.type == question)
        experiment = next(running, None) if unit else None
        if experiment is None:
            return Placed()
        arm = experiment.assign(unit)
        return Placed(Trial(experiment=experiment.name, arm=arm.name), arm.treatment)

    def is_assigned(self, trial: Trial, unit: str, question: str | None = None) -> bool:
        """Return whether a unit belongs to an arm of an experiment, running or stopped; ``question`` is the type of what was asked, where known."""
        experiment = next((found for found in self.all() if found.name == trial.experiment), None)
        return experiment is not None and experiment.assign(unit).name == trial.arm and question in (None, experiment.type)


def _parse(path: Path) -> Sequence[Experiment]:
    try:
        return EXPERIMENTS.validate_json(path.read_bytes())
    except ValidationError as error:
        logger.error("%s is damaged, no experiment runs until it is mended: %s", path, error)  # answers must not end with it
        return ()


def _uniform(text: str) -> float:
    """Return a number in (0, 1]: the same in every process."""
    return (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") + 1) / 2**64
