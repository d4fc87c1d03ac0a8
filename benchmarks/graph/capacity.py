"""From measured figures to a cluster: what a day of 10^9 events over 10^8 items takes. docs/scale.md says it in words.

    core hours = threads * (seconds - fixed) / 3600 * (events a day / events)^a * (items at scale / items)^b

with seconds, events and items those of the slice ``BASE``, and fixed, a and b fitted on made baskets; the basket's shape stays Instacart's,
so its exponent does not enter.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.estimates import FIXED
from benchmarks.graph.engines import OURS
from benchmarks.graph.scaling import AXES
from benchmarks.graph.scaling import DATA as MADE
from benchmarks.graph.slices import DATA, ORDERS, TASK
from benchmarks.graph.task import THREADS
from goeswith.results import Figure

EVENTS_PER_DAY, ITEMS = 1e9, 1e8
BASE = "10x"
WINDOW_HOURS = 2.0
"""Within how long a day's baskets shall be counted."""
EFFICIENCY = 0.7
"""Which share of a cluster's cores works, stragglers and waits for shuffles aside: assumed, not measured."""
CORES_PER_WORKER = 16
USD_PER_CORE_HOUR = 0.05
"""A general-purpose cloud core with 4 GB, on demand: assumed."""

Find = Callable[[str, str, str, str, str], Figure]
"""(task, data, slice, model, metric) -> the one row."""


def is_measured(figures: Iterable[Figure]) -> bool:
    """Return whether the rows hold both benches that a day is carried over from: ``BASE`` and the fitted exponents."""
    found = {(figure.data, figure.slice, figure.metric) for figure in figures if figure.model == OURS}
    return {(DATA, BASE, "seconds"), (MADE, FIXED, "seconds"), *((MADE, axis, "exponent") for axis in AXES)} <= found


@dataclass(frozen=True, slots=True)
class Day:
    """What one day takes, carried over from the slice ``base``. ``low`` and ``high`` are core hours at both ends of the exponents' intervals."""

    base: str
    core_hours: float
    low: float
    high: float
    meetings: float
    shuffle_gb: float
    rows_gb: float
    events_factor: float

    @property
    def cores(self) -> int:
        """Cores that finish within the window."""
        return math.ceil(self.core_hours / WINDOW_HOURS / EFFICIENCY)

    @property
    def workers(self) -> int:
        """Machines that hold these cores."""
        return math.ceil(self.cores / CORES_PER_WORKER)

    @property
    def usd(self) -> float:
        """Cost of the window."""
        return self.workers * CORES_PER_WORKER * WINDOW_HOURS * USD_PER_CORE_HOUR


def day_at_scale(find: Find) -> Day:
    """Return what 10^9 events over 10^8 items take, from the kept rows."""

    def measured(metric: str, model: str = OURS) -> float:
        return find(TASK, DATA, BASE, model, metric).value

    events, items = (find(TASK, MADE, axis, OURS, "exponent") for axis in ("events", "items"))
    more = EVENTS_PER_DAY / measured("events", ORDERS)
    wider = ITEMS / measured("items", ORDERS)
    base = THREADS * (measured("seconds") - find(TASK, MADE, FIXED, OURS, "seconds").value) / 3600
    meetings = measured("meetings", ORDERS) * more
    return Day(
        base=BASE,
        core_hours=base * more**events.value * wider**items.value,
        low=base * more ** _low(events) * wider ** _low(items),
        high=base * more ** _high(events) * wider ** _high(items),
        meetings=meetings,
        shuffle_gb=measured("shuffle_mb") * more / 1024,
        rows_gb=meetings * measured("disk_mb") / measured("pairs") / 1024,
        events_factor=more,
    )


def _low(figure: Figure) -> float:
    return figure.value if figure.low is None else figure.low


def _high(figure: Figure) -> float:
    return figure.value if figure.high is None else figure.high
