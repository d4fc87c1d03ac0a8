"""One description of every table; Spark schemas, MERGE keys, gates, Feast views and docs derive from it."""

from goeswith.catalogue import control, drift, feedback, graph, learned, merchandising, sets, sources
from goeswith.catalogue.rules import (
    Between,
    ChangeRule,
    DegreeDrift,
    Differ,
    Drift,
    HasRows,
    NotNull,
    NullRateChange,
    OneOf,
    References,
    RowCountChange,
    RowRule,
    Rule,
    Severity,
    TableRule,
    Unique,
)
from goeswith.catalogue.schema import Layer, Table, Writer
from goeswith.errors import ConfigError

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        sources.ITEMS,
        sources.EVENTS,
        sources.BUNDLES,
        sources.DECLARED_RELATIONS,
        sources.HOLDOUT,
        sources.QUARANTINE,
        graph.ITEM_NUMBERS,
        graph.PAIR_LEDGER,
        graph.ITEM_PAIRS,
        graph.PAIR_SCORES,
        graph.EDGE_VERDICTS,
        graph.RELATIONS,
        sets.ITEM_SETS,
        learned.TRAINING_SETS,
        learned.ITEM_EMBEDDINGS,
        learned.ITEM_NEIGHBOURS,
        control.GATE_RESULTS,
        control.GATE_OVERRIDES,
        control.VERSION_STATISTICS,
        control.RELEASES,
        control.STREAM_BATCHES,
        merchandising.MERCHANDISING_RULES,
        feedback.FEEDBACK,
        drift.DRIFT,
    )
}


def find_table(name: str) -> Table:
    """Return the description of a table. Raises ``ConfigError`` that lists the tables there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise ConfigError(f"no table is called {name!r}", f"tables: {', '.join(TABLES)}") from None


__all__ = [
    "TABLES",
    "Between",
    "ChangeRule",
    "DegreeDrift",
    "Differ",
    "Drift",
    "HasRows",
    "Layer",
    "NotNull",
    "NullRateChange",
    "OneOf",
    "References",
    "RowCountChange",
    "RowRule",
    "Rule",
    "Severity",
    "Table",
    "TableRule",
    "Unique",
    "Writer",
    "find_table",
]
