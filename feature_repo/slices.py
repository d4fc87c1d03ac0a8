"""Which parts of which tables become feature views: derived from the catalogue's keys and rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pyarrow as pa

from feature_repo.cards import CARD, build_cards, card_schema
from feature_repo.flat import flat_schema, flatten
from goeswith.catalogue import OneOf, Table, find_table

VIEWED = ("items", "item_embeddings", "item_neighbours", "item_pairs", "edge_verdicts", "relations")
"""The tables behind feature views."""

ONLINE = ("items", "item_neighbours", "relations")
"""Those that a reader asks for an answer or its evidence; the others are for training and analysis only."""

UPDATED = "updated_at"

ENTITY_COLUMNS = (("item_id",), ("src", "dst"))


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of a table in which the key columns with a fixed set of values hold ``where``; one view each.

    Within a slice an entity has one row (for ``edge_verdicts``: one that counts, the latest).
    """

    table: Table
    where: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of the view: the table and the values, for example 'relations_full_substitute'."""
        return "_".join((self.table.name, *self.where.values())).replace("-", "_")

    @property
    def entity(self) -> tuple[str, ...]:
        """The columns that name the entity: (item_id,) or (src, dst)."""
        return next(columns for columns in ENTITY_COLUMNS if set(columns) <= set(self.table.key))

    @property
    def timestamp(self) -> str:
        """The column that says when a row became known."""
        if self.table.event_time is None:
            raise AssertionError(f"{self.table.name} has no event time, so it cannot be viewed")
        return self.table.event_time

    @property
    def latest_by(self) -> str:
        """The column that decides between several rows of an entity ('' where there is only one)."""
        return "judged_at" if set(self.table.key) - set(self.where) - set(self.entity) else ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's columns behind the view: all but those that ``where`` fixes."""
        return tuple(column for column in self.table.columns if column not in self.where)

    @property
    def schema(self) -> pa.Schema:
        """The view's source, lists of structs taken apart."""
        return flat_schema(pa.schema([self.table.schema.field(column) for column in self.columns]))

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of ``schema`` that are neither the entity nor times that Feast itself uses."""
        return tuple(column for column in self.schema.names if column not in {*self.entity, self.timestamp, self.latest_by})

    @property
    def online(self) -> bool:
        """Whether the online store holds it: only what was made from everything ('full') is served."""
        return self.table.name in ONLINE and self.where.get("graph", "full") == "full"

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of the table's ``columns`` in the view's ``schema``."""
        return flatten(batch)


class ItemCards(Slice):
    """All items, of each what an answer says as one value."""

    @property
    def name(self) -> str:
        """The name of the view."""
        return "item_cards"

    @property
    def schema(self) -> pa.Schema:
        """The item, its card, and when both were known."""
        return card_schema((self.timestamp, UPDATED))

    @property
    def features(self) -> tuple[str, ...]:
        """The card alone."""
        return (CARD,)

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return items as cards."""
        return build_cards(batch, self.schema)


def list_slices() -> tuple[Slice, ...]:
    """Return the slices of all viewed tables, in the catalogue's order."""
    return (*(found for name in VIEWED for found in slices_of(find_table(name))), ItemCards(find_table("items"), {}))


def slices_of(table: Table) -> Iterator[Slice]:
    """Yield one slice for each combination of values of the key columns that hold a fixed set of values."""
    values = {rule.column: rule.values for rule in table.rules if isinstance(rule, OneOf) and rule.column in table.key}
    columns = [column for column in table.key if column in values]
    for combination in product(*(values[column] for column in columns)):
        yield Slice(table, dict(zip(columns, combination, strict=True)))


def find_slice(table: str, **where: str) -> Slice:
    """Return the one slice of a table with these values."""
    return next(found for found in slices_of(find_table(table)) if dict(found.where) == where)
