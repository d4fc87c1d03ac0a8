"""The job ``infer``: what the published models say of every item, ready to serve."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from pydantic.dataclasses import dataclass
from safetensors.numpy import load_file

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelInvalid
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from training.dataset import TrainingSet, read_training_set
from training.mmsc.evidence import Evidence, build_evidence
from training.mmsc.neighbours import NOTHING, Neighbours, rank_all
from training.mmsc.recipe import KINDS
from training.mmsc.rows import Stamp, embedding_rows, neighbour_rows
from training.mmsc.scorer import MmscScorer, load_scorer
from training.mmsc.stored import StoredVectors


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``k`` places a list."""

    k: int = Field(default=20, ge=1, le=200)
    graph: Literal["evaluation", "full"] = "full"


def run(job: JobRun) -> JobResult:
    """Write ``item_embeddings`` and ``item_neighbours`` from this run's models. A run that is repeated writes nothing."""
    config = parse_config(Config, job.params, where="job infer")
    folder, version = job.profile.models / job.run_id / config.graph, job.version_of("training_sets")
    data = read_training_set(job.profile, version=version, run=job.run_id, graph=config.graph)
    scorer, stamp = load_scorer(folder / "mmsc", data), read_stamp(job, version)
    consumed = {name: job.version_of(name) for name in ("training_sets", "relations")}
    found = rank_all(scorer, data.items, config.k)
    evidence = read_evidence(job, config.graph)
    vectors = build_embeddings(folder / "cirp", data, scorer.vectors, stamp)
    lists = {kind: neighbour_rows(kind, data.items.ids, found[kind], scorer, evidence, stamp) for kind in KINDS}
    written = {
        "item_embeddings": replace_changed(job.profile, "item_embeddings", "model", vectors, consumed),
        "item_neighbours": replace_changed(job.profile, "item_neighbours", "type", lists, consumed),
    }
    return JobResult(versions=written, summary=summarise(scorer, found))


def read_stamp(job: JobRun, version: int) -> Stamp:
    """Return the run, and the time up to which its training set knew the shop."""
    as_of = lake.read_table(job.profile, "training_sets", version=version, columns=["as_of"], where={"run": job.run_id})["as_of"]
    latest: datetime = pc.max(as_of).as_py()
    return Stamp(run=job.run_id, known_at=latest)


def read_evidence(job: JobRun, graph: str) -> Evidence:
    """Return the edges that stand behind a graph, with the judge's reasons where verdicts were given."""
    wanted = ["type", "src", "dst", "relation", "n", "lift", "judge", "prompt_hash"]
    edges = lake.read_table(job.profile, "relations", version=job.version_of("relations"), columns=wanted, where={"graph": graph})
    at = job.find_version("edge_verdicts")
    columns = ["src", "dst", "judge", "prompt_hash", "reason"]
    return build_evidence(edges, None if at is None else lake.read_table(job.profile, "edge_verdicts", version=at, columns=columns))


def build_embeddings(cirp: Path, data: TrainingSet, vectors: StoredVectors, stamp: Stamp) -> dict[str, pa.Table]:
    """Return the rows of both models: CIRP's item feature, and MMSC's vector in which content and behaviour are fused."""
    tensors, ids = load_file(cirp / "vectors.safetensors"), data.items.ids
    if len(tensors["feature"]) != len(ids):
        raise ModelInvalid(f"CIRP in {cirp} knows {len(tensors['feature'])} items, not {len(ids)}", "run the job train_cirp again")
    content = {"text": tensors["has_text"], "image": tensors["has_image"]}
    behaviour = np.maximum(vectors.tensors["warm_substitute"], vectors.tensors["warm_complement"])
    return {
        "cirp": embedding_rows("cirp", ids, tensors["feature"], _modalities(content), stamp),
        "mmsc": embedding_rows("mmsc", ids, vectors.tensors["substitute"], _modalities({**content, "behaviour": behaviour}), stamp),
    }


def _modalities(present: dict[str, Any]) -> list[list[str]]:
    return [[name for name, flag in zip(present, row, strict=True) if flag] for row in zip(*present.values(), strict=True)]


def replace_changed(profile: Profile, name: str, partition: str, parts: dict[str, pa.Table], consumed: dict[str, int]) -> int:
    """Replace the partitions whose rows changed (rows of items that are gone go with them) and return the table's version."""
    lake.create_table(profile, name)
    for value, rows in parts.items():
        stored = lake.read_table(profile, name, columns=rows.schema.names, where={partition: value})
        key = [(column, "ascending") for column in find_table(name).key]
        if not stored.sort_by(key).equals(rows.sort_by(key)):
            lake.write_table(profile, name, rows, writer=Writer.TRAINING, replace={partition: value}, consumed=consumed)
    return lake.open_table(profile, name).version()


def summarise(scorer: MmscScorer, found: dict[str, Neighbours]) -> dict[str, Any]:
    """Return, by task, how many items have an answer, and what stands behind the query's vector."""
    names = ("content", "cold_start", "behaviour")
    counts = {kind: np.bincount(scorer.vectors.sources(kind), minlength=3).tolist() for kind in KINDS}
    answered = {kind: int((n.scores[:, 0] > NOTHING).sum()) if n.scores.size else 0 for kind, n in found.items()}
    return {kind: {"answered": answered[kind], **dict(zip(names, counts[kind], strict=True))} for kind in KINDS}
