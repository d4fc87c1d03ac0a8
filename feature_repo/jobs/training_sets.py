"""The job ``build_training_set``: features of all items and edges as they were known, retrieved through Feast."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from feast import FeatureStore
from pydantic.dataclasses import dataclass

from feature_repo.as_of import evaluation_cut, lake_time
from feature_repo.jobs.apply import viewed_versions
from feature_repo.slices import Slice, find_slice
from feature_repo.snapshots import Versions, read_snapshot
from feature_repo.store import apply_versions, open_store
from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.catalogue.graph import GRAPHS, RELATION_TYPES
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress

TABLE = find_table("training_sets")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``as_of`` overrides the time up to which the evaluation graph knows anything (by default the holdout's cut)."""

    as_of: datetime | None = None


def run(job: JobRun) -> JobResult:
    """Retrieve the features of both graphs at the run's versions and commit them as this run's rows."""
    config = parse_config(Config, job.params, where="job build_training_set")
    versions = viewed_versions(job)
    store = open_store(job.profile)
    apply_versions(job.profile, store, versions)
    times = dict(zip(GRAPHS, _times(job, config), strict=True))
    rows = pa.concat_tables(_retrieve(job.profile, store, versions, graph, times[graph]) for graph in GRAPHS)
    consumed = {name: versions[name] for name in ("items", "relations")}
    version = write_rows(job.profile, job.run_id, rows, consumed)
    return JobResult(versions={TABLE.name: version}, summary={**_counts(rows), "as_of": {k: v.isoformat() for k, v in times.items()}})


def _times(job: JobRun, config: Config) -> tuple[datetime, datetime]:
    """Return as_of of the evaluation graph and of the full graph."""
    known = lake_time(job.profile, "relations", job.version_of("relations"))
    return config.as_of or evaluation_cut(job) or known, known


def _retrieve(profile: Profile, store: FeatureStore, versions: Versions, graph: str, as_of: datetime) -> pa.Table:
    """Return the rows of one graph, sorted: items first, then pairs whose two items are both known at ``as_of``."""
    with progress(f"point-in-time features, graph {graph}", 1 + len(RELATION_TYPES), unit="views") as advance:
        items = build_rows(retrieve(profile, store, find_slice("items"), versions, as_of), graph=graph, kind="item", as_of=as_of)
        advance(1, "items")
        parts = [items.sort_by("item_id")]
        for kind in RELATION_TYPES:
            found = retrieve(profile, store, find_slice("relations", graph=graph, type=kind), versions, as_of)
            pairs = known_pairs(found.rename_columns({"src": "item_id"}), items)
            parts.append(
                build_rows(pairs, graph=graph, kind="pair", as_of=as_of, type=kind).sort_by([("item_id", "ascending"), ("dst", "ascending")])
            )
            advance(1, kind)
    return pa.concat_tables(parts)


def retrieve(profile: Profile, store: FeatureStore, part: Slice, versions: Versions, as_of: datetime) -> pa.Table:
    """Return, for each entity of a slice, its features as Feast knows them at ``as_of``.

    Entities that became known later are not in the result: Feast drops them, and so they must.
    """
    wanted = [column for column in part.features if column in TABLE.columns]
    schema = pa.schema([part.schema.field(column) for column in (*part.entity, *wanted)])
    entities = read_snapshot(profile, part, versions, part.entity)
    if not entities.num_rows:
        return schema.empty_table()
    frame = entities.to_pandas().assign(event_timestamp=as_of)
    found = store.get_historical_features(frame, features=[f"{part.name}:{column}" for column in wanted]).to_arrow()
    return pa.table([pc.cast(found[name], schema.field(name).type) for name in schema.names], schema=schema)


def known_pairs(pairs: pa.Table, items: pa.Table) -> pa.Table:
    """Return the pairs whose both ends are among ``items``."""
    known = items["item_id"].combine_chunks()
    return pairs.filter(pc.and_(pc.is_in(pairs["item_id"], known), pc.is_in(pairs["dst"], known)))


def build_rows(found: pa.Table, *, graph: str, kind: str, as_of: datetime, type: str | None = None) -> pa.Table:
    """Return retrieved features as rows of ``training_sets``, all but run and row."""
    fixed = {"graph": graph, "kind": kind, "as_of": as_of, "type": type}
    schema = pa.schema([field for field in TABLE.schema if field.name not in ("run", "row")])
    columns = [
        pa.repeat(pa.scalar(fixed[f.name], f.type), found.num_rows)
        if f.name in fixed
        else found[f.name].cast(f.type)
        if f.name in found.schema.names
        else pa.nulls(found.num_rows, f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def write_rows(profile: Profile, run: str, rows: pa.Table, consumed: Versions) -> int:
    """Commit the rows of a run and return the version; rows that are there already, and equal, write nothing."""
    numbered = rows.append_column("run", pa.repeat(run, rows.num_rows)).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    numbered = numbered.select(TABLE.columns).cast(TABLE.schema)
    current = lake.current_version(profile, TABLE.name)
    if current is not None:
        stands = lake.read_table(profile, TABLE.name, version=current, where={"run": run}).sort_by("row")
        if stands.combine_chunks().equals(numbered.combine_chunks()):
            return current
    return lake.write_table(profile, TABLE.name, numbered, writer=Writer.FEATURES, replace={"run": run}, consumed=consumed)


def _counts(rows: pa.Table) -> dict[str, dict[str, int]]:
    counted = rows.group_by(["graph", "kind"]).aggregate([("kind", "count")]).to_pylist()
    found = {graph: {"item": 0, "pair": 0} for graph in GRAPHS}
    for row in counted:
        found[row["graph"]][row["kind"]] = row["kind_count"]
    return found
