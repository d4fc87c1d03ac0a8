"""The catalogue's rules as Spark conditions, and the bins in which values are counted."""

from functools import reduce
from operator import or_
from typing import assert_never

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F

from goeswith.catalogue import Between, Differ, NotNull, OneOf, RowCountChange, RowRule, Table

BINS_AN_OCTAVE = 8
"""Numbers are counted in ranges whose ends are 9% apart."""
NOT_POSITIVE = -100_000
"""The bin of numbers that have no logarithm."""
OTHER = "(other)"


def breaks(rule: RowRule) -> Column:
    """Return the condition that holds for a row which breaks the rule; null where the rule says nothing of it."""
    match rule:
        case NotNull(column=column):
            return F.col(column).isNull()
        case Between(column=column, low=low, high=high):
            outside = [*([F.col(column) < low] if low is not None else []), *([F.col(column) > high] if high is not None else [])]
            return reduce(or_, outside)
        case OneOf(column=column, values=values):
            return ~F.col(column).isin(*values)
        case Differ(left=left, right=right):
            return F.col(left) == F.col(right)
        case _:
            assert_never(rule)


def columns_of(rule: RowRule) -> tuple[str, ...]:
    """Return the columns that a rule looks at."""
    return (rule.left, rule.right) if isinstance(rule, Differ) else (rule.column,)


def parts_of(table: Table) -> tuple[str, ...]:
    """Return the columns by which a table's rows are counted apart; () where they are not."""
    return next((rule.by for rule in table.rules if isinstance(rule, RowCountChange) and rule.by), ())


def part(table: Table, columns: tuple[str, ...]) -> Column:
    """Return the name of a row's part. Values that no rule allows are one part, so that there are few whatever a job wrote."""
    return F.concat_ws(", ", *(_allowed(table, column) for column in columns))


def _allowed(table: Table, column: str) -> Column:
    values = next(rule.values for rule in table.rules if isinstance(rule, OneOf) and rule.column == column)
    return F.when(F.col(column).isin(*values), F.col(column)).otherwise(F.lit(OTHER))


def bin_of(table: Table, column: str) -> Column:
    """Return the bin of a row's value, as a string; null where the value is null."""
    kind, value = table.schema.field(column).type, F.col(column)
    if pa.types.is_list(kind):
        return F.element_at(F.when(F.size(value) > 0, value), 1)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return F.when(value > 0, F.floor(F.log2(value) * BINS_AN_OCTAVE)).when(value <= 0, NOT_POSITIVE).cast("string")
    return value
