"""What a gate reads: one version of a table is counted in few passes, whatever the number of its expectations."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue import Between, DegreeDrift, Differ, Drift, NotNull, NullRateChange, OneOf, References, Table, Unique
from spark_jobs.gates.conditions import bin_of, breaks, part, parts_of
from spark_jobs.gates.keys import count_repeated
from spark_jobs.gates.statistics import DEGREES, ROWS, Count, Counts, nulls_of, values_of

Target = tuple[str, str]
"""Table and column that a reference points to."""
Known = Mapping[Target, DataFrame]
"""For each target, the frame whose one column, ``value``, holds the legal values."""

MOST_BINS = 1_000
"""Bins of a column that are counted apart: the fullest. The rest stands in the total alone."""


@dataclass(slots=True)
class Measured:
    """What was counted. ``broken`` says, by expectation, how many rows break it; ``seconds`` how long each pass took."""

    counts: dict[Count, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of a pass."""
        started = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - started, 2)


def measure_version(table: Table, rows: DataFrame, known: Known) -> Measured:
    """Count all that a table's expectations need: rows in one pass, values in another, references and degrees in a third, keys in the last."""
    measured = measure_counts(table, rows, known)
    with measured.timed("keys"):
        repeated = count_repeated(table, rows, measured.counts[ROWS, "", ""])
    measured.broken |= {Unique(columns=table.key).says: repeated}
    return measured


def measure_counts(table: Table, rows: DataFrame, known: Known) -> Measured:
    """Count all but the keys, which no later version is compared with."""
    measured = Measured()
    with measured.timed("rows"):
        _measure_rows(table, rows, measured)
    with measured.timed("values"):
        measured.counts |= count_values(table, rows)
    with measured.timed("references"):
        _measure_ends(table, rows, known, measured)
    return measured


def _measure_rows(table: Table, rows: DataFrame, measured: Measured) -> None:
    """Count rows, nulls, and the rows that break what one row alone can break, in one pass."""
    rules = [rule for rule in table.promises if isinstance(rule, NotNull | Between | OneOf | Differ)]
    nullable = sorted({rule.column for rule in table.rules if isinstance(rule, NullRateChange)})
    counted = [F.count(F.lit(1)), *(F.count_if(F.col(name).isNull()) for name in nullable), *(F.count_if(breaks(rule)) for rule in rules)]
    by = parts_of(table)
    apart = rows.groupBy(*by).agg(*(column.alias(f"count_{i}") for i, column in enumerate(counted)))
    named = apart.groupBy(part(table, by).alias("part"))  # only now: a name put together for each row would cost more than all the counting
    found = named.agg(*(F.sum(f"count_{i}") for i in range(len(counted)))).collect()
    totals = [sum(row[i + 1] for row in found) for i in range(len(counted))]
    names = [ROWS, *map(nulls_of, nullable)]
    measured.counts |= {(name, "", ""): total for name, total in zip(names, totals, strict=False)}
    measured.counts |= {(ROWS, row[0], ""): row[1] for row in found if row[0]}
    measured.broken |= {rule.says: n for rule, n in zip(rules, totals[len(names) :], strict=True)}


def count_values(table: Table, rows: DataFrame) -> Counts:
    """Count the values of all columns whose distribution is compared, by bin, in one pass."""
    columns = sorted({rule.column for rule in table.rules if isinstance(rule, Drift)})
    if not columns:
        return {}
    bins = [F.struct(F.lit(values_of(name)).alias("statistic"), bin_of(table, name).alias("bin")) for name in columns]
    binned = rows.select(F.explode(F.array(*bins)).alias("it")).select("it.*").where("bin IS NOT NULL").groupBy("statistic", "bin").count().persist()
    totals = {row["statistic"]: row["n"] for row in binned.groupBy("statistic").agg(F.sum("count").alias("n")).collect()}
    fullest = binned.orderBy(F.desc("count"), "statistic", "bin").limit(MOST_BINS * len(columns)).collect()
    binned.unpersist()
    return {(values_of(c), "", ""): totals.get(values_of(c), 0) for c in columns} | {(r["statistic"], "", r["bin"]): r["count"] for r in fullest}


def _measure_ends(table: Table, rows: DataFrame, known: Known, measured: Measured) -> None:
    """Count how often each key of another table is referred to: once for unknown ones and degrees."""
    references = references_of(table)
    if not references:
        return
    by = next((rule.by for rule in table.rules if isinstance(rule, DegreeDrift)), ())
    ends = count_ends(rows, tuple(rule.column for rule in references), by).persist()
    unknown = count_unknown(ends, references, known)
    measured.broken |= {rule.says: unknown.get(rule.column, 0) for rule in references}
    if by:
        measured.counts |= count_degrees(ends, part(table, by), by)
    ends.unpersist()


def references_of(table: Table) -> list[References]:
    """Return the rules of a table that look into another one."""
    return [rule for rule in table.rules if isinstance(rule, References)]


def target_of(reference: References) -> Target:
    """Return what a reference points to: many share one."""
    return reference.table, reference.to


def count_ends(rows: DataFrame, columns: Sequence[str], by: Sequence[str]) -> DataFrame:
    """Return one row a value of each column and of ``by``: ``end`` (the column), ``value``, and ``n``, the rows that hold it."""
    counted = (rows.groupBy(*by, F.col(name).alias("value")).agg(F.count(F.lit(1)).alias("n")) for name in columns)
    ends = (frame.withColumn("end", F.lit(name)) for name, frame in zip(columns, counted, strict=True))
    return reduce(DataFrame.unionByName, ends).where("value IS NOT NULL")


def count_unknown(ends: DataFrame, references: Sequence[References], known: Known) -> dict[str, int]:
    """Return, by column, the rows whose value is no key of the table that the column refers to; columns without any are left out."""
    unknown: dict[str, int] = {}
    for target in dict.fromkeys(map(target_of, references)):
        columns = [rule.column for rule in references if target_of(rule) == target]
        strangers = ends.where(F.col("end").isin(columns)).join(known[target], on="value", how="left_anti")
        unknown |= {row["end"]: row["rows"] for row in strangers.groupBy("end").agg(F.sum("n").alias("rows")).collect()}
    return unknown


def count_degrees(ends: DataFrame, part: Column, by: tuple[str, ...]) -> Counts:
    """Count items by the power of two of their degree, for each part: in how many rows they stand, at whatever end."""
    degrees = ends.groupBy(*by, "value").agg(F.sum("n").alias("degree"))
    octave = F.floor(F.log2("degree")).cast("string")
    found = degrees.groupBy(part.alias("part"), octave.alias("bin")).count().collect()
    return {(DEGREES, "", ""): sum(row["count"] for row in found)} | {(DEGREES, row["part"], row["bin"]): row["count"] for row in found}
