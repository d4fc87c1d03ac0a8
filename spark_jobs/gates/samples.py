"""Rows that broke a rule, for people: whole keys and the columns at fault, few, cut, and without private values."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue import References, RowRule, Table, TableRule, Unique
from spark_jobs.gates.conditions import breaks, columns_of
from spark_jobs.gates.keys import repeated_keys
from spark_jobs.gates.measure import Known, target_of

MAX_SAMPLES = 10
MAX_SAMPLE_CHARS = 200
PRIVATE = frozenset({"user_id"})
"""Columns whose values stand in no sample: a gate's results are read by more people than the table."""


def sample_rows(table: Table, rows: DataFrame, rule: RowRule | TableRule, known: Known) -> str:
    """Return at most ten rows that break ``rule``, as JSON: key and the columns that the rule names. A key that repeats says how often."""
    broken = find_broken(table, rows, rule, known)
    return json.dumps(shown_rows([row.asDict() for row in broken.limit(MAX_SAMPLES).collect()]))


def find_broken(table: Table, rows: DataFrame, rule: RowRule | TableRule, known: Known) -> DataFrame:
    """Return the rows that break a rule."""
    match rule:
        case Unique():
            return repeated_keys(table, rows)
        case References(column=column):
            asked = rows.select(*_shown_columns(table, (column,))).where(F.col(column).isNotNull())
            return asked.join(known[target_of(rule)], on=F.col(column) == F.col("value"), how="left_anti")
        case _ if isinstance(rule, RowRule):
            return rows.where(breaks(rule)).select(*_shown_columns(table, columns_of(rule)))
        case _:
            return rows.limit(0)


def _shown_columns(table: Table, ruled: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*table.key, *ruled]))


def shown_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return at most ten rows, each value cut to a bounded length, private ones masked."""
    return [{name: _shown(name, value) for name, value in row.items()} for row in rows[:MAX_SAMPLES]]


def _shown(column: str, value: Any) -> Any:
    if value is not None and column in PRIVATE:
        return "***"
    plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else str(value)[:MAX_SAMPLE_CHARS]
