"""The job ``infer_changed``: both lists of every item that came or changed since the last training, by the model that is released.

What training counted stays as it is: a new item is ranked like any that nobody has bought yet (MMSC, Eq. 12), and enters the lists of others
with the next training. Lists of items that left the catalogue are deleted; all other lists are left alone.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.catalogue import Writer
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from training.cirp.embed import Encoder, load_encoder
from training.cirp.inputs import read_contents
from training.dataset import TrainingSet, build_items, read_as_of, read_training_set
from training.embeddings import Stamp
from training.jobs.embed_items import READ, find_run
from training.jobs.infer import read_evidence
from training.mmsc.content import Tokens
from training.mmsc.neighbours import rank_all
from training.mmsc.recipe import KINDS
from training.mmsc.rows import Asked, neighbour_rows
from training.mmsc.today import GONE, Today, compare, scorer_of

TABLE = "item_neighbours"
KEY = ["type", "item_id"]
STAMPED = ("release", "known_at", "updated_at")
"""Columns that say when a list was made, not what it is."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``k`` places a list; ``models`` names the run whose MMSC ranks; '' takes the one behind the released vectors."""

    k: int = Field(default=20, ge=1, le=200)
    graph: Literal["evaluation", "full"] = "full"
    models: str = ""


class Trained(NamedTuple):
    """What a run trained on and left: read once."""

    run_id: str
    folder: Path
    training: TrainingSet
    encoder: Encoder


def run(job: JobRun) -> JobResult:
    """Write the lists that are other than they were. The same again writes nothing. Raises ``ModelUnavailable`` before the first training."""
    config = parse_config(Config, job.params, where="job infer_changed")
    trained = _read_trained(job, config)
    lake.create_table(job.profile, TABLE)
    stored = lake.read_table(job.profile, TABLE, columns=["type", "item_id", "release"])
    catalogue = lake.read_table(job.profile, "items", version=job.version_of("items"), columns=READ).sort_by("item_id")
    today = compare_with(trained, stored, catalogue)
    if len(today.changed):
        lists = _lists(job, config, trained, today, catalogue)
        lake.write_table(job.profile, TABLE, _other(job, lists), writer=Writer.TRAINING, consumed=_consumed(job))
    gone = stored.select(KEY).filter(pc.invert(pc.is_in(stored["item_id"], catalogue["item_id"].combine_chunks())))
    version = lake.delete_rows(job.profile, TABLE, gone, writer=Writer.TRAINING, consumed=_consumed(job))
    came = int((today.at == GONE).sum())
    counts = {"came": came, "ranked": len(today.changed), "lists_removed": gone.num_rows}
    return JobResult(versions={TABLE: version}, summary={"model": trained.run_id, **counts})


def _read_trained(job: JobRun, config: Config) -> Trained:
    run_id = config.models or find_run(job, config.graph)
    folder = job.profile.models / run_id / config.graph
    training = read_training_set(job.profile, version=job.version_of("training_sets"), run=run_id, graph=config.graph)
    return Trained(run_id, folder, training, load_encoder(folder / "cirp", run_id))


def compare_with(trained: Trained, stored: pa.Table, catalogue: pa.Table) -> Today:
    """Return who came or changed since the training; one whose list is not that training's, for it was changed once, counts as changed."""
    items, now, recipe = trained.training.items, build_items(catalogue), trained.encoder.recipe
    before = dict(zip(items.ids, zip(*read_contents(items, recipe), strict=True), strict=True))
    other = {item for item, content in zip(now.ids, zip(*read_contents(now, recipe), strict=True), strict=True) if before.get(item) != content}
    since = stored.filter(pc.not_equal(stored["release"], trained.run_id))["item_id"].to_pylist()
    return compare(items, now, np.isin(now.ids, sorted(other | set(since))))


def _lists(job: JobRun, config: Config, trained: Trained, today: Today, catalogue: pa.Table) -> pa.Table:
    """Return both lists of each changed item, known once the model and the item are."""
    rows = catalogue.take(today.changed)
    scorer, data = scorer_of(trained.folder / "mmsc", trained.training, today, _tokens(job, trained.encoder, rows))
    found = rank_all(scorer, data, config.k, today.changed)
    model_at = read_as_of(job.profile, version=job.version_of("training_sets"), run=trained.run_id)
    stamp = Stamp(model_version=trained.run_id, release=job.run_id, known_at=model_at)
    evidence, asked = read_evidence(job, config.graph), Asked(today.items.ids, today.changed)
    known_at = pa.array([max(model_at, at) for at in rows["known_at"].to_pylist()], rows.schema.field("known_at").type)
    return pa.concat_tables(_known(neighbour_rows(kind, asked, found[kind], scorer, evidence, stamp), known_at) for kind in KINDS)


def _known(rows: pa.Table, at: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index("known_at"), rows.schema.field("known_at"), at)


def _tokens(job: JobRun, encoder: Encoder, rows: pa.Table) -> Tokens:
    """Return items' tokens: CIRP's tower outputs, as ``read_cirp_tokens`` has those of a training."""
    found = encoder.encode(build_items(rows), job.profile)
    return Tokens({m: found[m][:, None, :].float() for m in ("text", "image")}, {m: found[f"has_{m}"].to(torch.bool) for m in ("text", "image")})


def _other(job: JobRun, lists: pa.Table) -> pa.Table:
    """Return the lists that are not stored as they are: one that is keeps its release."""
    columns = [name for name in lists.schema.names if name not in STAMPED]
    asked = lists["item_id"].combine_chunks()
    stored = {
        (row["type"], row["item_id"]): row
        for batch in lake.read_batches(job.profile, TABLE, columns=columns)
        for row in batch.filter(pc.is_in(batch["item_id"], asked)).to_pylist()
    }
    fresh = lists.select(columns).to_pylist()
    return lists.filter(pa.array([stored.get((row["type"], row["item_id"])) != row for row in fresh], pa.bool_()))


def _consumed(job: JobRun) -> dict[str, int]:
    return {name: job.version_of(name) for name in ("items", "training_sets", "relations")}
