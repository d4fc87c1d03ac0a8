"""The job ``infer``: what MMSC says of every item, ready to serve."""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from training.dataset import read_as_of, read_training_set
from training.embeddings import Stamp, embedding_rows
from training.mmsc.evidence import Evidence, build_evidence
from training.mmsc.neighbours import rank_all
from training.mmsc.places import NOTHING, Neighbours
from training.mmsc.recipe import KINDS
from training.mmsc.rows import Asked, neighbour_rows
from training.mmsc.scorer import MmscScorer, load_scorer
from training.mmsc.stored import StoredVectors


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``k`` places a list."""

    k: int = Field(default=20, ge=1, le=200)
    graph: Literal["evaluation", "full"] = "full"


def run(job: JobRun) -> JobResult:
    """Write MMSC's ``item_embeddings`` and ``item_neighbours`` from this run's model. A run that is repeated writes nothing."""
    config = parse_config(Config, job.params, where="job infer")
    folder, version = job.profile.models / job.run_id / config.graph, job.version_of("training_sets")
    data = read_training_set(job.profile, version=version, run=job.run_id, graph=config.graph)
    scorer, known_at = load_scorer(folder / "mmsc", data), read_as_of(job.profile, version=version, run=job.run_id)
    stamp = Stamp(model_version=job.run_id, release=job.run_id, known_at=known_at)
    consumed = {name: job.version_of(name) for name in ("training_sets", "relations")}
    found = rank_all(scorer, data, config.k)
    evidence = read_evidence(job, config.graph)
    vectors = {"mmsc": mmsc_rows(data.items.ids, scorer.vectors, stamp)}
    everything = Asked(data.items.ids, np.arange(len(data.items)))
    lists = {kind: neighbour_rows(kind, everything, found[kind], scorer, evidence, stamp) for kind in KINDS}
    written = {
        "item_embeddings": replace_changed(job.profile, "item_embeddings", "model", vectors, consumed),
        "item_neighbours": replace_changed(job.profile, "item_neighbours", "type", lists, consumed),
    }
    return JobResult(versions=written, summary=summarise(scorer, found))


def read_evidence(job: JobRun, graph: str) -> Evidence:
    """Return the edges that stand behind a graph, with the judge's reasons where verdicts were given."""
    wanted = ["type", "src", "dst", "relation", "n", "lift", "judge", "prompt_hash"]
    edges = lake.read_table(job.profile, "relations", version=job.version_of("relations"), columns=wanted, where={"graph": graph})
    at = job.find_version("edge_verdicts")
    columns = ["src", "dst", "judge", "prompt_hash", "reason"]
    return build_evidence(edges, None if at is None else lake.read_table(job.profile, "edge_verdicts", version=at, columns=columns))


def mmsc_rows(ids: tuple[str, ...], vectors: StoredVectors, stamp: Stamp) -> pa.Table:
    """Return MMSC's rows: the vector in which content and behaviour are fused."""
    tensors = vectors.tensors
    behaviour = np.maximum(tensors["warm_substitute"], tensors["warm_complement"])
    present = {"text": tensors["plain_text"].any(axis=1), "image": tensors["plain_image"].any(axis=1), "behaviour": behaviour}
    return embedding_rows("mmsc", ids, tensors["substitute"], present, stamp.columns(len(ids)))


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
    """Return, by task, how many items have an answer, and one that is sure, and what stands behind the query's vector."""
    names = ("content", "cold_start", "behaviour")
    counts = {kind: np.bincount(scorer.vectors.sources(kind), minlength=3).tolist() for kind in KINDS}
    return {kind: {**_answers(scorer.threshold(kind), found[kind]), **dict(zip(names, counts[kind], strict=True))} for kind in KINDS}


def _answers(threshold: float | None, found: Neighbours) -> dict[str, int]:
    best = found.scores.max(1, initial=NOTHING)
    return {"answered": int((best > NOTHING).sum()), "sure": 0 if threshold is None else int((best >= threshold).sum())}
