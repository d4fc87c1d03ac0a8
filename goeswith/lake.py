"""Reading and writing Delta tables without a JVM, by delta-rs, pinned to versions.

Spark writes the tables of ``spark_jobs``; this module writes those of other writers and reads all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Schema, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from goeswith.catalogue import Table, Writer, find_table
from goeswith.errors import DataContractError, VersionMissing
from goeswith.faults import DAMAGED_LOG, damaged_log, damaged_table
from goeswith.object_store import find_store_fault, storage_options
from goeswith.profile import Profile

PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.enableDeletionVectors": "false",
    "delta.deletedFileRetentionDuration": "interval 365 days",
    "delta.logRetentionDuration": "interval 365 days",
    "delta.enableExpiredLogCleanup": "false",
}
"""Properties of every table, whoever creates it. Files and log entries go when the job ``maintain`` says so, which knows what is
pinned: by a clock, Spark and delta-rs would take a version away from a release that still names it."""

UPKEEP = ("OPTIMIZE", "SET TBLPROPERTIES", "ADD COLUMN", "ADD COLUMNS", "VACUUM START", "VACUUM END")
"""Operations of commits that change no row."""
HISTORY = 100
"""Commits that are looked through for the last one that changed a row."""


def table_uri(profile: Profile, name: str) -> str:
    """Return where a table lies. Raises ``ConfigError`` for a name that the catalogue lacks."""
    return f"{profile.lake_uri}/{find_table(name).name}"


def open_table(profile: Profile, name: str, version: int | None = None) -> DeltaTable:
    """Open a table at a version (the newest where None). Raises ``VersionMissing``, ``TableDamaged``, and ``StoreUnavailable`` of an object store."""
    uri, options = table_uri(profile, name), storage_options(profile)
    try:
        return DeltaTable(uri, version=version, storage_options=options)
    except (TableNotFoundError, OSError) as error:
        _raise_store_fault(profile, error)
        if version is not None and DeltaTable.is_deltatable(uri, options):
            raise _version_missing(name, version, error) from error
        raise VersionMissing(f"table {name!r} is not in {profile.lake_uri}", "run the DAG that writes it: goeswith run ingest") from error
    except DeltaError as error:  # its base class: for a log that cannot be read, and for a version that is gone
        _raise_store_fault(profile, error)
        if DAMAGED_LOG.search(str(error)):
            raise damaged_log(profile, name, _first_line(error)) from error
        if version is None:
            raise
        raise _version_missing(name, version, error) from error


def _raise_store_fault(profile: Profile, error: Exception) -> None:
    """Tell an object store that is away, or refuses us, from a table that is not there."""
    fault = find_store_fault(str(error), profile)
    if fault is not None:
        raise fault from error


def _version_missing(name: str, version: int, error: Exception) -> VersionMissing:
    return VersionMissing(f"table {name!r} has no version {version}: {_first_line(error)}", "read a released version: goeswith status")


def _first_line(error: Exception) -> str:
    """Return what delta-rs says, without the stack of addresses below it."""
    return str(error).partition("\n")[0]


def current_version(profile: Profile, name: str) -> int | None:
    """Return the newest version of a table, or None where the table does not exist."""
    try:
        return open_table(profile, name).version()
    except VersionMissing:
        return None


def content_version(profile: Profile, name: str, version: int) -> int:
    """Return the version in which the rows of ``version`` were written: equal for versions that only upkeep lies between."""
    return int(_content_commit(profile, name, version)["version"])


def written_at(profile: Profile, name: str, version: int) -> datetime:
    """Return when the rows of a version were written; upkeep that came later does not make them newer."""
    return datetime.fromtimestamp(_content_commit(profile, name, version)["timestamp"] / 1000, UTC)


def _content_commit(profile: Profile, name: str, version: int) -> dict[str, Any]:
    """Return the commit that wrote the rows of a version; the history of a pinned version lists later commits too."""
    table = open_table(profile, name)
    commits = [commit for commit in table.history(table.version() - version + HISTORY) if commit["version"] <= version]
    wrote = [commit for commit in commits if commit["operation"] not in UPKEEP]
    return (wrote or commits[-1:])[0]


def count_rows(profile: Profile, name: str, version: int | None = None) -> int:
    """Return how many rows a version holds, as the log tells: no file is opened. Raises ``VersionMissing``."""
    actions = open_table(profile, name, version).get_add_actions(flatten=True)
    return sum(actions.column("num_records").to_pylist())


def last_metadata(profile: Profile, name: str) -> dict[str, Any]:
    """Return what the commit that last changed a row says of itself: run, job and consumed versions of a Spark job; else nothing."""
    current = current_version(profile, name)
    if current is None:
        return {}
    found: dict[str, Any] = json.loads(_content_commit(profile, name, current).get("userMetadata") or "{}")
    return found


def read_table(
    profile: Profile, name: str, *, version: int | None = None, columns: Sequence[str] | None = None, where: Mapping[str, str] | None = None
) -> pa.Table:
    """Return a table's rows at a version, in the catalogue's types.

    ``where`` maps columns to the value that they hold. Use ``read_batches`` for what does not fit in memory.
    """
    batches = list(read_batches(profile, name, version=version, columns=columns, where=where))
    return pa.Table.from_batches(batches, schema=_schema_of(find_table(name), columns))


def read_batches(
    profile: Profile, name: str, *, version: int | None = None, columns: Sequence[str] | None = None, where: Mapping[str, str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows in batches of bounded size, in the catalogue's types.

    A nullable column that the catalogue got later than the table's version was written is null. Raises ``TableDamaged``.
    """
    schema, delta = _schema_of(find_table(name), columns), open_table(profile, name, version)
    there = {column.name for column in delta.schema().fields}
    chosen = [_quoted(f.name) if f.name in there or not f.nullable else f"NULL AS {_quoted(f.name)}" for f in schema]
    query = f"SELECT {', '.join(chosen)} FROM t{_condition(where)}"  # noqa: S608 - names from the catalogue, values escaped
    for batch in _query(profile, {"t": (name, delta)}, query):
        yield batch.cast(schema)


def query_table(profile: Profile, name: str, sql: str) -> Iterator[pa.RecordBatch]:
    """Yield what a query returns of a table's newest version, which it calls ``t``: grouped in the engine, row by row and never held as a whole.

    Whoever writes the query escapes its values. Raises ``VersionMissing``, ``TableDamaged``.
    """
    yield from _query(profile, {"t": (name, open_table(profile, name))}, sql)


def query_versions(profile: Profile, tables: Mapping[str, tuple[str, int]], sql: str) -> Iterator[pa.RecordBatch]:
    """Yield what a query returns of tables at versions, by the names that it calls them; otherwise as ``query_table`` does."""
    yield from _query(profile, {alias: (name, open_table(profile, name, version)) for alias, (name, version) in tables.items()}, sql)


def _query(profile: Profile, tables: Mapping[str, tuple[str, DeltaTable]], sql: str) -> Iterator[pa.RecordBatch]:
    query = QueryBuilder()
    for alias, (_, delta) in tables.items():
        query = query.register(alias, delta)
    yield from _sound_batches(profile, [*tables.values()], pa.RecordBatchReader.from_stream(query.execute(sql)))


def _sound_batches(profile: Profile, tables: Sequence[tuple[str, DeltaTable]], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what can be read. The error of a damaged file does not always say which it is: of one table that is known, several are read again."""
    try:
        yield from batches
    except pa.ArrowInvalid as error:
        if "Parquet" not in str(error):
            raise
        for name, delta in tables[:-1]:
            for _ in _query(profile, {"t": (name, delta)}, "SELECT * FROM t"):
                pass
        raise damaged_table(profile, tables[-1][0], str(error)) from error


def _schema_of(table: Table, columns: Sequence[str] | None) -> pa.Schema:
    return pa.schema([table.schema.field(name) for name in columns or table.columns])


def _condition(where: Mapping[str, str] | None) -> str:
    if not where:
        return ""
    return " WHERE " + " AND ".join(f"{_quoted(column)} = {quote_text(value)}" for column, value in where.items())


def _quoted(column: str) -> str:
    return f'"{column}"'


def quote_text(value: str) -> str:
    """Return a text as queries write it."""
    return "'" + value.replace("'", "''") + "'"


def create_table(profile: Profile, name: str) -> DeltaTable:
    """Open a table, creating it from the catalogue where it does not exist, and adding the nullable columns that it lacks."""
    table, uri = find_table(name), table_uri(profile, name)
    if not profile.on_s3:
        Path(uri).mkdir(parents=True, exist_ok=True)
    delta = DeltaTable.create(
        uri,
        schema=table.schema,
        mode="ignore",
        partition_by=list(table.partition_by),
        configuration=dict(PROPERTIES),
        description=table.doc,
        storage_options=storage_options(profile),
    )
    held = {field.name for field in delta.schema().fields}
    missing = [field for field in Schema.from_arrow(table.schema).fields if field.name not in held and field.nullable]
    if missing:
        delta.alter.add_columns(missing)
    return delta


def write_table(
    profile: Profile,
    name: str,
    rows: pa.Table,
    *,
    writer: Writer,
    replace: Mapping[str, str] | None = None,
    consumed: Mapping[str, int] | None = None,
) -> int:
    """Commit ``rows`` by the table's key and return the table's version afterwards.

    With ``replace`` the rows that match those column values are replaced by ``rows`` in one commit (rows that
    are gone are deleted); without it rows are merged: equal ones stay untouched, so a re-run writes nothing.
    ``consumed`` names the versions of the tables that the rows were made from; it stands in the commit's metadata.
    Raises ``DataContractError`` where the rows do not fit the catalogue, or another writer owns the table.
    """
    table = _own_table(name, writer)
    fitted = _fit(table, rows)
    delta, commit = create_table(profile, name), _commit_of(consumed)
    if replace:
        predicate = " AND ".join(f"{column} = {quote_text(value)}" for column, value in replace.items())
        write_deltalake(delta, fitted, mode="overwrite", predicate=predicate, commit_properties=commit)
    elif fitted.num_rows:
        _merge(delta, table, fitted, commit)
    return open_table(profile, name).version()


def insert_rows(profile: Profile, name: str, rows: pa.Table, *, writer: Writer) -> int:
    """Add in one commit the rows whose key the table lacks, and return its version afterwards; what stands there stays as it is.

    Raises as ``write_table`` does.
    """
    table = _own_table(name, writer)
    fitted, delta = _fit(table, rows), create_table(profile, name)
    if fitted.num_rows:
        merge = delta.merge(fitted, predicate=_same_key(table), source_alias="s", target_alias="t", commit_properties=_commit_of(None))
        merge.when_not_matched_insert_all().execute()
    return open_table(profile, name).version()


def delete_rows(profile: Profile, name: str, keys: pa.Table, *, writer: Writer, consumed: Mapping[str, int] | None = None) -> int:
    """Delete in one commit the rows whose key stands in ``keys``, and return the table's version afterwards; no keys, no commit.

    Raises ``DataContractError`` where another writer owns the table.
    """
    table = _own_table(name, writer)
    delta = create_table(profile, name)
    if keys.num_rows:
        merge = delta.merge(keys, predicate=_same_key(table), source_alias="s", target_alias="t", commit_properties=_commit_of(consumed))
        merge.when_matched_delete().execute()
    return open_table(profile, name).version()


def _own_table(name: str, writer: Writer) -> Table:
    table = find_table(name)
    if table.writer is not writer:
        raise DataContractError(f"table {name!r} is written by {table.writer}, not by {writer}", "use the job that owns it")
    return table


def _commit_of(consumed: Mapping[str, int] | None) -> CommitProperties:
    return CommitProperties(custom_metadata={"consumed": ",".join(f"{k}={v}" for k, v in sorted((consumed or {}).items()))})


def _same_key(table: Table) -> str:
    return " AND ".join(f"t.{column} = s.{column}" for column in table.key)


def _fit(table: Table, rows: pa.Table) -> pa.Table:
    missing = [name for name in table.required if name not in rows.schema.names and name != "updated_at"]
    if missing:
        raise DataContractError(f"rows for {table.name!r} lack column {missing[0]!r}", f"columns: {', '.join(table.columns)}")
    columns = [_column(table, rows, name) for name in table.columns]
    fitted = pa.Table.from_arrays(columns, schema=table.schema)
    for name in table.required:
        if fitted.column(name).null_count:
            raise DataContractError(f"{table.name}.{name} holds nulls", "the catalogue says that it may not")
    if fitted.select(list(table.key)).group_by(list(table.key)).aggregate([]).num_rows != fitted.num_rows:
        raise DataContractError(f"rows for {table.name!r} repeat a key", f"key: {', '.join(table.key)}")
    return fitted


def _column(table: Table, rows: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    kind = table.schema.field(name).type
    if name in rows.schema.names:
        return rows.column(name).cast(kind)
    if name == "updated_at":
        return pa.array([datetime.now(UTC)] * rows.num_rows, kind)
    return pa.nulls(rows.num_rows, kind)


def _merge(delta: DeltaTable, table: Table, rows: pa.Table, commit: CommitProperties) -> None:
    changed = " OR ".join(f"(t.{c} IS DISTINCT FROM s.{c})" for c in table.content)
    merge = delta.merge(rows, predicate=_same_key(table), source_alias="s", target_alias="t", commit_properties=commit)
    if table.content:
        merge = merge.when_matched_update_all(predicate=changed)
    merge.when_not_matched_insert_all().execute()
