"""What a table's description consists of: fields with doc and unit, keys, and rules that gates check."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import pyarrow as pa

from goeswith.catalogue.rules import HasRows, NotNull, Rule, Unique

TIMESTAMP = pa.timestamp("us", tz="UTC")
STRINGS = pa.list_(pa.string())


class Layer(StrEnum):
    """Where on the way from source to served answer a table stands."""

    SOURCE = "source"
    GRAPH = "graph"
    LEARNED = "learned"
    CONTROL = "control"


class Writer(StrEnum):
    """Who may write a table: one at a time, always the same."""

    SPARK = "spark_jobs"
    TRAINING = "training"
    FEATURES = "feature_repo"
    SERVING = "serving"
    KERNEL = "goeswith"


def field(name: str, kind: pa.DataType, doc: str, *, unit: str = "", null: bool = False) -> pa.Field:
    """Return a pyarrow field that carries its documentation and unit."""
    return pa.field(name, kind, nullable=null, metadata={"doc": doc, "unit": unit})


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the lake. Everything else that names its columns is derived from this.

    ``key`` identifies a row and is the condition of every MERGE; ``partition_by`` columns are part of
    ``key``. ``updated_at``, where a table has it, says when a row's content last changed and is left
    out when two rows are compared. ``event_time`` is when a row became known in the shop's own time.
    ``freshness`` is the age of ``updated_at`` past which an online answer counts as stale.
    """

    name: str
    doc: str
    layer: Layer
    writer: Writer
    owner: str
    schema: pa.Schema
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    event_time: str | None = None
    freshness: timedelta | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(self.schema.names)

    @property
    def content(self) -> tuple[str, ...]:
        """The columns whose change makes a row a changed row: all but the key and ``updated_at``."""
        return tuple(name for name in self.columns if name not in (*self.key, "updated_at"))

    @property
    def promises(self) -> tuple[Rule, ...]:
        """All that a gate expects of a version: what schema and key say, then the rules."""
        rows = () if any(isinstance(rule, HasRows) for rule in self.rules) else (HasRows(),)
        return (*rows, *(NotNull(column=column) for column in self.required), Unique(columns=self.key), *self.rules)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that may not be null."""
        return tuple(f.name for f in self.schema if not f.nullable)
