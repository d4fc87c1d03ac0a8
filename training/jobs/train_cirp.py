"""Job ``train_cirp``: fit CIRP to the training set of one graph."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from training.cirp.files import read_summary
from training.cirp.fit import Chosen, train
from training.cirp.maps import MapChoice
from training.cirp.recipe import RECIPES, CirpRecipe
from training.dataset import TrainingSet, read_training_set
from training.reserved import read_validation_cases
from training.trainer import torchrun
from training.trainer.ranks import Ranks, join_ranks

MOST_CASES = 1_000
"""Leave-one-out cases of validation that a choice is made by."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``overrides`` replace fields of the recipe; ``variant`` names the folder of an experiment beside ``cirp``."""

    graph: Literal["evaluation", "full"]
    recipe: Literal["cirp_small", "cirp_blip_base"] = "cirp_small"
    variant: Annotated[str, Field(pattern="^[a-z0-9_]*$")] = ""
    overrides: dict[str, Any] = Field(default_factory=dict)
    ranks: Annotated[int, Field(ge=1)] = 1
    """Processes of this machine that train together, one a GPU where there are any; the recipe's ``accumulate`` is a multiple of it."""


def run(job: JobRun) -> JobResult:
    """Train, or find that this very training is done."""
    config = parse_config(Config, job.params, where="job train_cirp")
    if config.ranks > 1 and not torchrun.is_started():
        choose_recipe(config)
        torchrun.run_processes("train_cirp", job, config.ranks)
        return JobResult(summary=read_summary(_folder(job, config)))
    with join_ranks() as ranks:
        return JobResult(summary=_train(job, config, ranks))


def _folder(job: JobRun, config: Config) -> Path:
    return job.profile.models / job.run_id / config.graph / ("cirp" + (f"-{config.variant}" if config.variant else ""))


def _train(job: JobRun, config: Config, ranks: Ranks) -> dict[str, Any]:
    recipe = choose_recipe(config)
    training = read_training_set(job.profile, version=job.version_of("training_sets"), run=job.run_id, graph=config.graph)
    keep_untrained = config.graph == "evaluation" and not config.variant
    chosen = _chosen_by(job, config, training, recipe)
    return train(training, recipe, _folder(job, config), job.profile, chosen=chosen, keep_untrained=keep_untrained, ranks=ranks)


def _chosen_by(job: JobRun, config: Config, training: TrainingSet, recipe: CirpRecipe) -> Chosen:
    """Return what the last stage's choice is made by: validation cases; for graph 'full', where these are learned from, what was decided by them."""
    if config.graph == "evaluation":
        return Chosen(cases=read_validation_cases(job, training.index, max_cases=MOST_CASES, seed=recipe.seed))
    decided = read_summary(_folder(job, replace(config, graph="evaluation")))
    same = decided and decided["recipe"] == json.loads(json.dumps(asdict(recipe)))
    return Chosen(decided=MapChoice(**decided["maps"]) if same and "maps" in decided else None)


def choose_recipe(config: Config) -> CirpRecipe:
    """Return the named recipe with its overrides, checked. Raises ``ConfigError``."""
    values = {**asdict(RECIPES[config.recipe]()), **config.overrides}
    return parse_config(CirpRecipe, values, where=f"recipe {config.recipe}")
