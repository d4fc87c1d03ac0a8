"""Counts of one version of a table, by which versions are compared: kept in ``version_statistics``, so that a version is counted once."""

from collections.abc import Mapping

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import DegreeDrift, Drift, NullRateChange, Table, Writer, find_table
from goeswith.profile import Profile

Count = tuple[str, str, str]
"""Statistic, part ('' for all rows), and bin ('' for the total)."""
Counts = Mapping[Count, int]

ROWS = "rows"
DEGREES = "degrees"


def nulls_of(column: str) -> str:
    """Return the name of the statistic that counts a column's nulls."""
    return f"nulls of {column}"


def values_of(column: str) -> str:
    """Return the name of the statistic that counts a column's values by bin."""
    return f"values of {column}"


def statistics_of(table: Table) -> frozenset[str]:
    """Return the names of the statistics that a table's rules compare."""
    names = {ROWS}
    for rule in table.rules:
        if isinstance(rule, NullRateChange):
            names.add(nulls_of(rule.column))
        elif isinstance(rule, Drift):
            names.add(values_of(rule.column))
        elif isinstance(rule, DegreeDrift):
            names.add(DEGREES)
    return frozenset(names)


def read_counts(profile: Profile, name: str, version: int) -> Counts | None:
    """Return the counts of a version, or None where it was never counted, or before a rule asked for another statistic."""
    if lake.current_version(profile, "version_statistics") is None:
        return None
    rows = lake.read_table(profile, "version_statistics", where={"table": name, "version": str(version)})
    counts = {(row["statistic"], row["part"], row["bin"]): row["count"] for row in rows.to_pylist()}
    return counts if statistics_of(find_table(name)) <= {statistic for statistic, _, _ in counts} else None


def write_counts(profile: Profile, name: str, version: int, counts: Counts) -> None:
    """Keep the counts of a version; the same ones again write nothing."""
    if counts == read_counts(profile, name, version):
        return
    common = {"table": name, "version": version}
    rows = [{**common, "statistic": s, "part": part, "bin": value, "count": n} for (s, part, value), n in counts.items()]
    table = pa.Table.from_pylist(rows, schema=find_table("version_statistics").schema)
    scope = {"table": name, "version": str(version)}
    lake.write_table(profile, "version_statistics", table, writer=Writer.KERNEL, replace=scope, consumed={name: version})
