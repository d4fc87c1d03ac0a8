"""What shoppers do: the last days of the events that training had read, beside the last days of today's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from goeswith import lake
from goeswith.drift.counting import EVERYTHING, Side
from goeswith.drift.distributions import EVENTS, compare_distributions
from goeswith.drift.shares import with_change
from goeswith.drift.verdicts import Compared, Measure
from goeswith.experiments.estimates import Rate, Sums

_PER_DAY = "SELECT count(*) AS n FROM t WHERE happened_at IS NOT NULL AND {window} GROUP BY date_trunc('day', happened_at)"
_NEW_ITEMS = """
SELECT count(*) AS events, sum(CASE WHEN items.item_id IS NULL THEN 1 ELSE 0 END) AS new
FROM (SELECT basket_id, item_id FROM t WHERE {window}) AS seen LEFT JOIN items ON seen.item_id = items.item_id GROUP BY basket_id
"""


def measure_events(before: Side, after: Side, compared: Compared, *, at: datetime, num_days: int, items_version: int | None) -> Iterator[Measure]:
    """Yield the measures of events up to ``at``; ``items_version`` holds the items that training knew."""
    then, now = last_days(before, num_days, at), last_days(after, num_days, at)
    for wanted in EVENTS:
        yield from compare_distributions(wanted, then, now, compared)
    if EVERYTHING not in (then.window, now.window):
        yield _per_day(then, now, compared, num_days)
    if items_version is not None:
        yield _new_items(now, compared, items_version)


def last_days(side: Side, num_days: int, at: datetime) -> Side:
    """Return the side with its last whole days alone: those before the day of its newest event. All rows, where none has a time.

    The newest is none after ``at``: one clock that runs years ahead would leave the window empty.
    """
    (row,) = side.query(f"SELECT max(happened_at) AS newest FROM t WHERE happened_at <= '{_text(at)}'")  # noqa: S608 - a time
    newest: datetime | None = row["newest"]
    if newest is None:
        return side
    end = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=num_days)
    return replace(side, window=f"happened_at >= '{_text(start)}' AND happened_at < '{_text(end)}'")


def _text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _per_day(then: Side, now: Side, compared: Compared, num_days: int) -> Measure:
    """Return by which part the events of a day changed; days are what varies, and one without events counts."""
    counts = [[row["n"] for row in side.query(_PER_DAY.format(window=side.window))] for side in (then, now)]
    before, after = (_rate_of_days(found, num_days) for found in counts)
    empty = Measure(kind="events", name="per_day", part="", compared=compared, value=None, rows=min(map(sum, counts)))
    return with_change(empty, before, after)


def _rate_of_days(counts: list[int], num_days: int) -> Rate:
    sums, counted = Sums(1), np.array([*counts, *[0] * (num_days - len(counts))], dtype=np.float64)
    sums.add(np.zeros(num_days, dtype=np.int64), counted, np.ones(num_days))
    return sums.rate(0)


def _new_items(now: Side, compared: Compared, items_version: int) -> Measure:
    """Return the share of events about items that the reference lacks; baskets are what varies."""
    sums, tables = Sums(1), {"t": (now.table, now.version), "items": ("items", items_version)}
    for batch in lake.query_versions(now.profile, tables, _NEW_ITEMS.format(window=now.window)):
        new, events = (batch[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in ("new", "events"))
        sums.add(np.zeros(batch.num_rows, dtype=np.int64), new, events)
    rate, found = sums.rate(0), sums.rate(0).interval()
    empty = Measure(kind="events", name="new_items", part="", compared=compared, value=None, rows=int(rate.x))
    return replace(empty, value=found.value, low=found.low, high=found.high, after=found.value)
