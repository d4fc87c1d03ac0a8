"""Histograms of a table's version, counted in the query engine: what comes back is bounded, however large the table."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from goeswith import lake
from goeswith.drift.psi import Histogram
from goeswith.profile import Profile

MOST_VALUES = 200
"""Values that are told apart; all others are the tail, one bin."""
TAIL = "\0tail"
"""What the tail is called in a histogram; no shop calls a category so."""
MOST_BINS = 10_000
"""Bins of numbers, over all parts, the fullest first: a shop has hundreds; what a broken feed calls a currency may be anything."""
EVERYTHING = "TRUE"
"""The condition of a side that has no window."""
NO_NUMBER = -1_000
"""The bin of what has no logarithm, is infinite or no number at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: a table at a version, and the condition of the rows that are looked at."""

    profile: Profile
    table: str
    version: int
    window: str = EVERYTHING

    def query(self, sql: str) -> Iterator[dict[str, Any]]:
        """Yield the rows that a query over ``t`` returns."""
        for batch in lake.query_versions(self.profile, {"t": (self.table, self.version)}, sql):
            yield from batch.to_pylist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What is counted: ``rows`` in ``bins``, apart by ``part``, all as SQL over the table ``t``; ``rows`` may name its ``{window}``.

    Bins of ``numbers`` are whole numbers, in order; other bins are values.
    """

    kind: str
    name: str
    bins: str
    part: str = "''"
    rows: str = "t"
    where: str = "TRUE"
    numbers: bool = True


def log_bins(number: str) -> str:
    """Return bins of 5% each."""
    return f"CASE WHEN {number} > 0 AND {number} < 1e300 THEN CAST(floor(ln({number}) * 20) AS BIGINT) ELSE {NO_NUMBER} END"


def even_bins(number: str) -> str:
    """Return bins of a hundredth each."""
    return f"CASE WHEN abs({number}) < 1e12 THEN CAST(floor({number} * 100) AS BIGINT) ELSE {NO_NUMBER} END"


def count_numbers(side: Side, wanted: Distribution) -> dict[str, Histogram]:
    """Return the histogram of each part."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    counts = f"SELECT {wanted.part} AS part, {wanted.bins} AS bin, count(*) AS n {_source(side, wanted)} GROUP BY 1, 2"
    for row in side.query(f"{counts} ORDER BY n DESC, part, bin LIMIT {MOST_BINS}"):
        found[row["part"]][str(row["bin"])] = row["n"]
    return dict(found)


def count_values(side: Side, wanted: Distribution, among: Collection[str] | None = None) -> Histogram:
    """Return how often each value stands there: those of ``among`` (None: the most frequent), and the rest as the tail."""
    shown = wanted.bins if among is None else _only(wanted.bins, among)
    grouped = f"SELECT {shown} AS bin, count(*) AS n {_source(side, wanted)} GROUP BY 1"
    rows = list(side.query(f"SELECT bin, n, sum(n) OVER () AS total FROM ({grouped}) ORDER BY n DESC, bin LIMIT {MOST_VALUES + 1}"))  # noqa: S608
    found = {row["bin"]: row["n"] for row in rows[:MOST_VALUES] if row["bin"] is not None}
    rest = rows[0]["total"] - sum(found.values()) if rows else 0
    return {**found, TAIL: rest} if rest else found


def _source(side: Side, wanted: Distribution) -> str:
    rows, window = wanted.rows.format(window=side.window), side.window if wanted.rows == "t" else EVERYTHING
    return f"FROM {rows} WHERE ({wanted.where}) AND ({window})"


def _only(value: str, among: Collection[str]) -> str:
    named = ", ".join(lake.quote_text(found) for found in sorted(among) if found != TAIL)
    return f"CASE WHEN {value} IN ({named}) THEN {value} END" if named else "CAST(NULL AS STRING)"
