"""The job ``embed_items``: CIRP's vector of every item of the catalogue, encoded only where the item or the model changed.

A block of items is a commit, so a run that was killed goes on behind its last block; readers see what a release names, never a block (ADR 15).
"""

from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from training.cirp.embed import Encoder, load_encoder
from training.dataset import build_items, read_as_of
from training.embeddings import Stamp, embedding_rows

TABLE = "item_embeddings"
READ = ("item_id", "title", "description", "brand", "category", "price", "image", "variant_of", "known_at")
"""Columns of ``items``."""
BLOCK = 8_192
"""Items that are encoded and committed at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``models`` names the run whose CIRP reads the items; '' takes this run's, or where it trained none, the one behind the released vectors."""

    graph: Literal["evaluation", "full"] = "full"
    models: str = ""


def run(job: JobRun) -> JobResult:
    """Give each item of the catalogue a row of this model, and let all other rows of CIRP go; what stands is left untouched."""
    config = parse_config(Config, job.params, where="job embed_items")
    run_id = config.models or find_run(job, config.graph)
    encoder = load_encoder(job.profile.models / run_id / config.graph / "cirp", run_id)
    known_at = read_as_of(job.profile, version=job.version_of("training_sets"), run=run_id)
    stamp = Stamp(model_version=run_id, release=job.run_id, known_at=known_at)
    lake.create_table(job.profile, TABLE)
    items = read_items(job, encoder)
    changed, gone = compare(items, lake.read_table(job.profile, TABLE, columns=("model", "item_id", "made_from"), where={"model": "cirp"}))
    write_blocks(job, encoder, changed, stamp)
    version = lake.delete_rows(job.profile, TABLE, gone, writer=Writer.TRAINING, consumed=_consumed(job))
    counts = {"items": items.num_rows, "encoded": changed.num_rows, "removed": gone.num_rows}
    return JobResult(versions={TABLE: version}, summary={"model": run_id, **counts})


def find_run(job: JobRun, graph: str) -> str:
    """Return this run where it has a CIRP, be it incomplete; else the run behind the released vectors. Raises ``ModelUnavailable``."""
    if (job.profile.models / job.run_id / graph / "cirp").is_dir():
        return job.run_id
    version = job.find_version(TABLE)
    rows = () if version is None else lake.read_table(job.profile, TABLE, version=version, columns=["model_version"], where={"model": "cirp"})[0]
    named: list[str] = pc.unique(rows).to_pylist() if len(rows) else []
    if len(named) != 1:
        found = f"the released vectors name {' and '.join(sorted(named)) or 'none'}"
        raise ModelUnavailable(f"run {job.run_id!r} trained no CIRP, and {found}", "run: goeswith run train, or name a run by the parameter models")
    return named[0]


def read_items(job: JobRun, encoder: Encoder) -> pa.Table:
    """Return the catalogue sorted by item, with what each vector is to be made from; texts are held once, vectors are not."""
    rows = lake.read_table(job.profile, "items", version=job.version_of("items"), columns=READ).sort_by("item_id")
    blocks = (build_items(rows.slice(start, BLOCK)) for start in range(0, rows.num_rows, BLOCK))
    return rows.append_column("made_from", pa.array([name for items in blocks for name in encoder.made_from(items)], pa.string()))


def compare(items: pa.Table, stored: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the items whose vector is missing or was made from something else, and the keys of rows whose item is gone."""
    stands = pc.is_in(_pair(items), value_set=_pair(stored).combine_chunks())
    known = pc.is_in(stored["item_id"], value_set=items["item_id"].combine_chunks())
    return items.filter(pc.invert(stands)), stored.filter(pc.invert(known)).select(find_table(TABLE).key)


def _pair(rows: pa.Table) -> pa.ChunkedArray:
    """Return item and fingerprint as one string; null where there is no fingerprint, which equals nothing that is asked for."""
    return pc.binary_join_element_wise(rows["item_id"], rows["made_from"], "\n")


def write_blocks(job: JobRun, encoder: Encoder, items: pa.Table, stamp: Stamp) -> None:
    """Encode and commit block by block, in the order of the items: a block's commit touches few files."""
    with progress("embedding items", items.num_rows, unit="items") as advance:
        for start in range(0, items.num_rows, BLOCK):
            block = items.slice(start, BLOCK)
            rows = encode_block(job, encoder, block, stamp)
            lake.write_table(job.profile, TABLE, rows, writer=Writer.TRAINING, consumed=_consumed(job))
            advance(block.num_rows, "")


def encode_block(job: JobRun, encoder: Encoder, block: pa.Table, stamp: Stamp) -> pa.Table:
    """Return the rows of a block. A vector is known once both its model and its item are."""
    vectors = encoder.encode(build_items(block), job.profile)
    columns: dict[str, Any] = {**stamp.columns(block.num_rows), "made_from": block["made_from"]}
    columns["known_at"] = [max(known_at, stamp.known_at) for known_at in block["known_at"].to_pylist()]
    present = {"text": vectors["has_text"], "image": vectors["has_image"]}
    return embedding_rows("cirp", block["item_id"].to_pylist(), vectors["feature"].numpy(), present, columns)


def _consumed(job: JobRun) -> dict[str, int]:
    return {name: job.version_of(name) for name in ("items", "training_sets")}
