"""Two samples of one population pass no limit, over many seeds and at the fewest rows that are judged; a planted shift does."""

import numpy as np
import numpy.typing as npt
import pytest

from goeswith.drift.distributions import small_share
from goeswith.drift.limits import Config
from goeswith.drift.psi import Histogram, drift_of_numbers, drift_of_values
from goeswith.drift.shares import count_rate, with_change, with_difference
from goeswith.drift.verdicts import Compared, Measure, Verdict, judge
from goeswith.experiments.estimates import Rate, Sums

CONFIG = Config()
SEEDS = 500
COMPARED = Compared(reference="r", reference_version=0, current_version=1)


def measure(kind: str, name: str, value: float | None = None, rows: int = CONFIG.min_rows) -> Measure:
    return Measure(kind=kind, name=name, part="", compared=COMPARED, value=value, rows=rows)


def counted(drawn: npt.NDArray[np.int64]) -> Histogram:
    values, counts = np.unique(drawn, return_counts=True)
    return {str(value): int(n) for value, n in zip(values, counts, strict=True)}


def prices(rng: np.random.Generator, shift: float = 1.0) -> Histogram:
    return counted(np.floor(np.log(shift * rng.lognormal(3, 0.6, CONFIG.min_rows)) * 20).astype(np.int64))


def brands(rng: np.random.Generator) -> Histogram:
    return counted(rng.zipf(1.3, CONFIG.min_rows) % 1000)


def reacted(rng: np.random.Generator, rate: float, num_units: int) -> Rate:
    sums, answers = Sums(1), rng.integers(1, 6, num_units).astype(np.float64)
    clicks = rng.binomial(answers.astype(np.int64), np.clip(rate * rng.gamma(2.0, 0.5, num_units), 0, 1)).astype(np.float64)
    sums.add(np.zeros(num_units, dtype=np.int64), clicks, answers)
    return sums.rate(0)


def verdicts_of_clicks(rate: float, later: float, num_units: int) -> list[Verdict]:
    rng, found = np.random.default_rng(0), []
    for _ in range(SEEDS):
        then, now = reacted(rng, rate, num_units), reacted(rng, later, num_units)
        found.append(judge(with_change(measure("reactions", "clicks", rows=int(min(then.x, now.x))), then, now, 10), CONFIG))
    return found


def test_numbers_of_one_population_pass_no_limit() -> None:
    rng = np.random.default_rng(0)
    found = [judge(measure("items", "price", drift_of_numbers(prices(rng), prices(rng))), CONFIG) for _ in range(SEEDS)]
    assert set(found) == {"fine"}


def test_values_of_one_population_with_a_long_tail_pass_no_limit() -> None:
    rng, share = np.random.default_rng(0), small_share(CONFIG.min_rows)
    found = [judge(measure("items", "brand", drift_of_values(brands(rng), brands(rng), share)), CONFIG) for _ in range(SEEDS)]
    assert set(found) == {"fine"}


def test_doubled_prices_are_found_whatever_the_seed() -> None:
    rng = np.random.default_rng(0)
    found = [judge(measure("items", "price", drift_of_numbers(prices(rng), prices(rng, 2.0))), CONFIG) for _ in range(SEEDS)]
    assert set(found) == {"retrain"}


@pytest.mark.parametrize(("rate", "num_units"), [(0.02, 600), (0.1, 200), (0.1, 5000)])
def test_the_same_liking_for_clicks_alarms_hardly_ever(rate: float, num_units: int) -> None:
    found = verdicts_of_clicks(rate, rate, num_units)
    assert sum(verdict in ("ticket", "retrain") for verdict in found) <= 2


def test_half_the_clicks_are_found_where_there_are_enough() -> None:
    assert verdicts_of_clicks(0.1, 0.05, 5000).count("retrain") > 0.99 * SEEDS


def test_more_clicks_are_no_alarm() -> None:
    assert set(verdicts_of_clicks(0.1, 0.3, 1000)) == {"fine"}


@pytest.mark.parametrize(("now", "verdict"), [(0.97, "fine"), (0.93, "fine"), (0.80, "ticket"), (0.0, "ticket")])
def test_a_share_of_lists_is_held_against_its_interval(now: float, verdict: Verdict) -> None:
    then, after = count_rate(970, 1000), count_rate(int(now * 1000), 1000)
    assert judge(with_difference(measure("coverage", "listed", rows=1000), then, after), CONFIG) == verdict


@pytest.mark.parametrize("rows", [0, 1, CONFIG.min_rows - 1])
def test_too_few_rows_never_alarm(rows: int) -> None:
    assert judge(measure("items", "price", 99.0, rows), CONFIG) == "too_few"
