"""From figures to a cluster: linear where the exponents are 1 and 0, and as uncertain as they are."""

from functools import partial

import pytest

from benchmarks.graph.capacity import BASE, EFFICIENCY, EVENTS_PER_DAY, ITEMS, WINDOW_HOURS, day_at_scale
from goeswith.results import Figure

MEASURED = {
    ("instacart", BASE, "orders", "events"): 1e7,
    ("instacart", BASE, "orders", "items"): 4e4,
    ("instacart", BASE, "orders", "meetings"): 5e7,
    ("instacart", BASE, "goeswith", "seconds"): 45.0,
    ("made", "fixed", "goeswith", "seconds"): 9.0,
    ("instacart", BASE, "goeswith", "shuffle_mb"): 512.0,
    ("instacart", BASE, "goeswith", "disk_mb"): 100.0,
    ("instacart", BASE, "goeswith", "pairs"): 1e7,
}


class Kept:
    """Rows as a page keeps them, with exponents of our choice."""

    def __init__(self, events: tuple[float, ...], items: tuple[float, ...]) -> None:
        self.exponents = {"events": events, "items": items}

    def find(self, task: str, data: str, part: str, model: str, metric: str) -> Figure:
        row = partial(Figure, task=task, data=data, slice=part, model=model, metric=metric)
        if metric != "exponent":
            return row(value=MEASURED[data, part, model, metric])
        value, *interval = self.exponents[part]
        low, high = interval or (None, None)
        return row(value=value, low=low, high=high)


def test_a_hundred_times_the_events_take_a_hundred_times_as_long_but_for_what_any_job_costs() -> None:
    day = day_at_scale(Kept((1.0,), (0.0,)).find)
    assert day.events_factor == pytest.approx(EVENTS_PER_DAY / 1e7)
    assert day.core_hours == pytest.approx(2 * 36 / 3600 * 100)
    assert (day.low, day.high) == (day.core_hours, day.core_hours)
    assert day.meetings == pytest.approx(5e9)
    assert day.shuffle_gb == pytest.approx(50.0)
    assert day.rows_gb == pytest.approx(5e9 * 1e-5 / 1024)


def test_the_window_and_idle_cores_decide_how_many_machines() -> None:
    day = day_at_scale(Kept((1.5,), (0.0,)).find)
    assert day.cores * WINDOW_HOURS * EFFICIENCY >= day.core_hours > (day.cores - 1) * WINDOW_HOURS * EFFICIENCY
    assert 0 <= day.workers * 16 - day.cores < 16
    assert day.usd == pytest.approx(day.workers * 16 * 2 * 0.05)


def test_more_items_cost_what_their_exponent_says() -> None:
    flat, grown = (day_at_scale(Kept((1.0,), (b,)).find) for b in (0.0, 0.1))
    assert grown.core_hours / flat.core_hours == pytest.approx((ITEMS / 4e4) ** 0.1)


def test_the_exponents_intervals_are_the_answers() -> None:
    day = day_at_scale(Kept((1.0, 0.9, 1.1), (0.1, -0.1, 0.3)).find)
    assert day.low == pytest.approx(0.02 * 100**0.9 * 2500**-0.1)
    assert day.high == pytest.approx(0.02 * 100**1.1 * 2500**0.3)
    assert day.low < day.core_hours < day.high


def test_an_exponent_whose_interval_starts_at_zero_keeps_it() -> None:
    assert day_at_scale(Kept((1.0, 1.0, 1.0), (0.2, 0.0, 0.4)).find).low == pytest.approx(2.0)
