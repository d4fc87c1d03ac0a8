"""The job ``train_mmsc``: CIRP's vectors and the typed graph in, substitutes' and complements' vectors out."""

import hashlib
import json
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from training.dataset import TrainingSet, read_training_set
from training.mmsc.content import Tokens
from training.mmsc.fit import fit_mmsc, graph_size, write_model
from training.mmsc.recipe import MmscRecipe, as_values, mmsc_blip2, mmsc_small
from training.mmsc.tokens import read_cirp_tokens
from training.trainer.checkpoint import begin

CODE = ("training/mmsc",)
"""The code whose change makes a complete folder another model's."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``overrides`` replaces single fields of the recipe: the switches of ablations among them."""

    graph: Literal["evaluation", "full"] = "full"
    recipe: Literal["mmsc_small", "mmsc_blip2"] = "mmsc_small"
    overrides: dict[str, Any] = field(default_factory=dict)


def run(job: JobRun) -> JobResult:
    """Train on this run's training set of one graph; a folder that is complete for the same inputs is left as it is."""
    config = parse_config(Config, job.params, where="job train_mmsc")
    recipe = choose_recipe(config)
    version = job.version_of("training_sets")
    folder = job.profile.models / job.run_id / config.graph
    data = read_training_set(job.profile, version=version, run=job.run_id, graph=config.graph)
    inputs = {"training_sets": version, "cirp": _digest(folder / "cirp" / "vectors.safetensors"), "code": fingerprint.of_code(CODE)}
    if not is_complete(folder / "mmsc", recipe, inputs):
        begin(folder / "mmsc", {"recipe": as_values(recipe), "inputs": inputs})
        tokens = read_tokens(job.profile, recipe, folder / "cirp", data)
        fitted = fit_mmsc(data, tokens, recipe, folder / "mmsc", inputs=inputs)
        write_model(folder / "mmsc", fitted, data, recipe, inputs)
    return JobResult(summary=summarise(folder / "mmsc", data))


def choose_recipe(config: Config) -> MmscRecipe:
    """Return the named recipe with its overrides. Raises ``ConfigError`` that lists the legal fields."""
    base = mmsc_small() if config.recipe == "mmsc_small" else mmsc_blip2(str(config.overrides.get("blip2_model", "")))
    return parse_config(MmscRecipe, {**as_values(base), **config.overrides}, where="job train_mmsc, overrides")


def read_tokens(profile: Profile, recipe: MmscRecipe, cirp: Path, data: TrainingSet) -> Tokens:
    """Return the frozen tokens that the recipe asks for."""
    tokens = read_cirp_tokens(cirp, data.items)
    if recipe.tokens == "cirp":
        return tokens
    from training.mmsc.blip2 import load_qformer, with_qformer_tokens  # seconds of imports that the small recipe need not pay

    return with_qformer_tokens(tokens, load_qformer(Path(recipe.blip2_model)), profile.pictures, data.items)


def is_complete(folder: Path, recipe: MmscRecipe, inputs: dict[str, Any]) -> bool:
    """Return whether the folder holds the model of this recipe and these inputs."""
    path = folder / "recipe.json"
    if not path.is_file():
        return False
    note = json.loads(path.read_text(encoding="utf-8"))
    asked = json.loads(json.dumps(as_values(recipe)))
    return bool(note["recipe"] == asked and note["inputs"] == inputs)


def summarise(folder: Path, data: TrainingSet) -> dict[str, Any]:
    """Return what the report shows of a complete folder."""
    note = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    curve = [json.loads(line) for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    best = max((row["score"] for row in curve if "score" in row), default=None)
    kept = {key: note[key] for key in ("by_content", "rerankers")}
    return {"graph": data.graph, "items": len(data.items), "pairs": graph_size(data.pairs), "epochs": len(curve), "score": best, **kept}


def _digest(path: Path) -> str:
    """Return the sha256 of a file, '' where it is missing (the reader says what to do)."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
