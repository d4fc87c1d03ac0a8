"""Sources over pinned snapshots, and a feature view over each slice of a table."""

from datetime import timedelta
from pathlib import Path

from feast import FeatureView, Field, FileSource
from feast.data_format import ParquetFormat

from feature_repo.entities import ITEM, ITEM_PAIR
from feature_repo.slices import Slice
from feature_repo.types import feast_type


def build_source(part: Slice, path: Path) -> FileSource:
    """Return the source of a slice: the snapshot of one version of its table."""
    return FileSource(
        name=f"{part.name}_source",
        path=str(path),
        file_format=ParquetFormat(),
        timestamp_field=part.timestamp,
        created_timestamp_column=part.latest_by,
        description=part.table.doc,
        tags={"table": part.table.name, "pinned": path.parent.name},
        owner=part.table.owner,
    )


def build_view(part: Slice, path: Path) -> FeatureView:
    """Return the view of a slice, its fields, types and docs taken from the catalogue.

    It has no time to live: Feast would take it for "unknown" what has been true for long. Readers compare the age
    of the release with the table's freshness instead.
    """
    return FeatureView(
        name=part.name,
        entities=[ITEM] if part.entity == ("item_id",) else list(ITEM_PAIR),
        ttl=timedelta(0),
        schema=[build_field(part, column) for column in (*part.entity, *part.features)],
        source=build_source(part, path),
        online=part.online,
        description=part.table.doc,
        tags={"table": part.table.name, "pinned": path.parent.name, **part.where},
        owner=part.table.owner,
    )


def build_field(part: Slice, column: str) -> Field:
    """Return a column of a slice as a Feast field."""
    field = part.schema.field(column)
    doc = field.metadata or {}
    return Field(name=column, dtype=feast_type(field.type), description=doc.get(b"doc", b"").decode(), tags=_unit(doc))


def _unit(doc: dict[bytes, bytes]) -> dict[str, str]:
    unit = doc.get(b"unit", b"").decode()
    return {"unit": unit} if unit else {}
