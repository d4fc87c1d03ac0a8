"""The job ``train_bundles``: CIRP's vectors, curated bundles and baskets in, a model that completes bundles out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelInvalid
from goeswith.jobs import JobResult, JobRun
from training.bundles.files import load_bundles, read_note, write_bundles
from training.bundles.fit import Fitted, fit_bundles, refit
from training.bundles.lessons import Lessons, as_lessons, read_basket_lessons, read_bundle_lessons, without_pairs_of
from training.bundles.recipe import BundleRecipe
from training.dataset import TrainingSet, read_training_set
from training.reserved import read_reserved, read_units
from training.trainer.checkpoint import begin, load_tensors

CODE = ("training/bundles", "model_repository")
"""The code whose change makes a complete folder another model's."""
TABLES = ("training_sets", "events", "bundles", "holdout")
SPLITS = ("validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``overrides`` replace fields of the recipe."""

    graph: Literal["evaluation", "full"] = "full"
    overrides: dict[str, Any] = Field(default_factory=dict)


def run(job: JobRun) -> JobResult:
    """Train on this run's training set of one graph; a folder that is complete for the same inputs is left as it is.

    For graph 'full' the trees are those that this run decided on without the holdout, where it has: what was measured is served.
    """
    config = parse_config(Config, job.params, where="job train_bundles")
    recipe = parse_config(BundleRecipe, {**asdict(BundleRecipe()), **config.overrides}, where="job train_bundles, overrides")
    folder = job.profile.models / job.run_id / config.graph
    decided = folder.parent / "evaluation" / "bundles" if config.graph == "full" else None
    inputs = _fingerprint(job, recipe, folder / "cirp", decided)
    if read_note(folder / "bundles").get("inputs") != inputs:
        begin(folder / "bundles", {"inputs": inputs})
        training = read_training_set(job.profile, version=job.version_of("training_sets"), run=job.run_id, graph=config.graph)
        bundles, baskets = read_lessons(job, training, recipe)
        vectors = _read_vectors(folder / "cirp", training.items.ids)
        fitted = _refit(decided, training, vectors, bundles, baskets, recipe, folder / "bundles") if decided and read_note(decided) else None
        fitted = fitted or fit_bundles(training.items, vectors, bundles, baskets, recipe, folder / "bundles")
        write_bundles(folder / "bundles", fitted, training.items.ids, recipe, inputs)
    return JobResult(summary={"graph": config.graph, **read_note(folder / "bundles")["summary"]})


def read_lessons(job: JobRun, training: TrainingSet, recipe: BundleRecipe) -> tuple[Lessons, Lessons]:
    """Return curated bundles and baskets: for graph 'evaluation' those that no split holds, and no bundle that shares a pair with a tested one."""
    if training.graph == "full":
        return read_bundle_lessons(job, training.index, ()), read_basket_lessons(job, training.index, (), recipe.max_baskets)
    held = [read_reserved(job, split) for split in SPLITS]
    bundles = read_bundle_lessons(job, training.index, held)
    tested = as_lessons(read_units(job, held[SPLITS.index("test")]), training.index)
    return without_pairs_of(bundles, tested), read_basket_lessons(job, training.index, held, recipe.max_baskets)


def _refit(
    decided: Path, training: TrainingSet, vectors: dict[str, Any], bundles: Lessons, baskets: Lessons, recipe: BundleRecipe, folder: Path
) -> Fitted | None:
    """Return the model that was decided on without the holdout, taught by everything; None where the shop's channels or facets changed."""
    return refit(load_bundles(decided), training.items, vectors, bundles, baskets, recipe, folder)


def _read_vectors(folder: Path, ids: tuple[str, ...]) -> dict[str, Any]:
    """Return CIRP's vectors. Raises ``ModelInvalid`` where there are none, or those of other items."""
    path = folder / "vectors.safetensors"
    if not path.is_file():
        raise ModelInvalid(f"{folder} holds no vectors", "run the job train_cirp first")
    if tuple(json.loads((folder / "items.json").read_text(encoding="utf-8"))) != ids:
        raise ModelInvalid(f"CIRP in {folder} knows other items than the training set", "run the job train_cirp again")
    return {name: tensor.numpy() for name, tensor in load_tensors(path, "train_cirp").items()}


def _fingerprint(job: JobRun, recipe: BundleRecipe, cirp: Path, decided: Path | None) -> str:
    versions = {table: job.find_version(table) for table in TABLES}
    before = read_note(decided).get("inputs") if decided else None
    vectors = fingerprint.of_files(cirp / "vectors.safetensors")
    return fingerprint.of_values(fingerprint.of_code(CODE), asdict(recipe), versions, job.run_id, vectors, before)
