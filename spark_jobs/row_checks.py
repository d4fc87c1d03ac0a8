"""How a row is typed and judged: raw text beside typed values, the first rule that is broken, and the value to blame."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue import Between, OneOf, find_table
from spark_jobs import cleaning as clean

RULE, DETAIL, ROW, POSITION, FIELDS = "_rule", "_detail", "_row", "_position", "_fields"
PROBLEM = "_problem"
DETAIL_CHARS = 200
EDGE_SIGN = "|"
"""Stands between the parts of an edge's name in the holdout, so no item id may hold it."""

HIDDEN = ("user_id", "basket_id", "group_id")
"""Columns that are known by a keyed hash only."""
TYPED_AS_THEY_ARE = ("event_id", "category", "attributes")
"""Columns that no rule refuses, so a replay reads what was made of them; an event keeps its id whatever else is repaired."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row breaks ``rule`` where ``broken`` holds of its typed and raw values; ``column`` names the raw value to blame."""

    rule: str
    broken: Column
    column: str


def raw_column(raw: DataFrame, name: str, kind: str = "string") -> Column:
    """Return a raw column, or nulls where the source lacks it."""
    return F.col(name) if name in raw.columns else F.lit(None).cast(kind)


def type_rows(raw: DataFrame, **values: Column) -> DataFrame:
    """Select the typed columns, each raw text beside its own under ``_raw_``, the row as it came, and its position in the source.

    Checks come in a second step: one that read the raw text again would parse it again.
    """
    typed = [value.alias(name) for name, value in values.items()]
    texts = [raw_column(raw, name).cast("string").alias(f"_raw_{name}") for name in values]
    problem = raw_column(raw, PROBLEM).alias(PROBLEM)
    return raw.select(*typed, *texts, problem, F.col(ROW), F.monotonically_increasing_id().alias(POSITION))


def check_rows(typed: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """Return the typed columns with the first rule that each row breaks, the value to blame, and a broken row's raw fields."""
    names = [name for name in typed.columns if not name.startswith("_")]
    whole = F.when(F.col(PROBLEM).isNotNull(), _verdict(F.col(PROBLEM), F.lit("the row as a whole")))
    broken = [F.when(check.broken, _verdict(F.lit(check.rule), _blame(check.column))) for check in checks]
    judged = typed.withColumn("_broken", F.coalesce(whole, *broken))
    fields = F.when(F.col("_broken").isNotNull(), F.to_json(F.struct(*(_raw_field(name) for name in names))))
    return judged.select(*names, F.col("_broken.rule").alias(RULE), F.col("_broken.detail").alias(DETAIL), fields.alias(FIELDS), ROW, POSITION)


def _raw_field(name: str) -> Column:
    if name in HIDDEN:
        return clean.mark_hash(F.col(name)).alias(name)
    return (F.col(name) if name in TYPED_AS_THEY_ARE else F.col(f"_raw_{name}")).alias(name)


def _verdict(rule: Column, detail: Column) -> Column:
    return F.struct(rule.alias("rule"), detail.alias("detail"))


def _blame(column: str) -> Column:
    return F.concat(F.lit(f"{column}="), F.coalesce(F.substring(f"_raw_{column}", 1, DETAIL_CHARS), F.lit("null")))


def says(column: str) -> Column:
    """Tell whether the raw text of a column holds anything."""
    return clean.clean_id(F.col(f"_raw_{column}")).isNotNull()


def id_checks(*columns: str) -> list[Check]:
    """Return the checks of ids: there, and without the sign that edges are named with."""
    empty = [Check("id_empty", F.col(column).isNull(), column) for column in columns]
    return empty + [Check("id_reserved_sign", F.col(column).contains(EDGE_SIGN), column) for column in columns]


def price_checks(table: str) -> list[Check]:
    """Return the checks of a price: readable, and in the catalogue's range."""
    return [
        Check("price_unreadable", clean.says_price(F.col("_raw_price")) & F.col("price").isNull(), "price"),
        Check("price_negative", F.col("price") < 0, "price"),
        Check("price_out_of_range", ~is_within(table, "price"), "price"),
    ]


def is_within(table: str, column: str) -> Column:
    """Return whether a typed value lies in the catalogue's range; null passes."""
    rule = next(r for r in find_table(table).rules if isinstance(r, Between) and r.column == column)
    return F.coalesce(F.col(column).between(F.lit(rule.low), F.lit(rule.high)), F.lit(True))


def is_allowed(table: str, column: str) -> Column:
    """Return whether a typed value is one of the catalogue's; null is none."""
    values = next(r.values for r in find_table(table).rules if isinstance(r, OneOf) and r.column == column)
    return F.coalesce(F.col(column).isin(*values), F.lit(False))
