"""What became of an experiment's answers, unit by unit: grouped by the query engine, added up here in batches.

The engine holds a row a unit (for positions, one a unit and position), and the sums here a few numbers an arm: memory grows with the
units of the experiment, not with its events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.experiments.estimates import Floats, Sums
from goeswith.profile import Profile
from goeswith_client.experiments import Experiment

MOST_POSITIONS = 20
LEAST_PROPENSITY = 0.1
"""A click counts ten times at most: rarer places say little and would outweigh all others."""
ONE = "one"
RATES = {
    "clicks_per_answer": ("clicks", "answers"),
    "clicks_per_answer_adjusted": ("weighted", "answers"),
    "units_that_clicked": ("clicked", ONE),
    "purchases_per_unit": ("purchases", ONE),
    "fallbacks": ("fallbacks", "answers"),
    "empty": ("empty", "answers"),
    "unsure": ("unsure", "answers"),
}
"""Rate -> what is counted, for each of what. ``one``: a unit."""
COUNTS = ("answers", "clicks", "carts", "purchases")

UNITS = """
WITH shown AS (
  SELECT unit, arm, count(*) AS answers, min(happened_at) AS since,
    sum(CASE WHEN source = 'category_bestseller' THEN 1 ELSE 0 END) AS fallbacks,
    sum(CASE WHEN cardinality(items) > 0 THEN 0 ELSE 1 END) AS empty,
    sum(CASE WHEN unsure THEN 1 ELSE 0 END) AS unsure
  FROM t WHERE kind = 'exposure' AND {mine} GROUP BY unit, arm),
reacted AS (
  SELECT unit, sum(CASE WHEN kind = 'click' THEN 1 ELSE 0 END) AS clicks, sum(CASE WHEN kind = 'cart' THEN 1 ELSE 0 END) AS carts,
    sum(CASE WHEN kind = 'click' THEN {weight} ELSE 0 END) AS weighted
  FROM t WHERE kind IN ('click', 'cart') AND {mine} GROUP BY unit),
bought AS (
  SELECT t.unit, count(*) AS purchases FROM t JOIN shown ON t.unit = shown.unit
  WHERE t.kind = 'purchase' AND t.happened_at >= shown.since AND {window} GROUP BY t.unit)
SELECT shown.arm, answers, fallbacks, empty, unsure, coalesce(clicks, 0) AS clicks, coalesce(carts, 0) AS carts,
  coalesce(weighted, 0) AS weighted, CASE WHEN clicks > 0 THEN 1 ELSE 0 END AS clicked, coalesce(purchases, 0) AS purchases
FROM shown LEFT JOIN reacted ON shown.unit = reacted.unit LEFT JOIN bought ON shown.unit = bought.unit
"""
POSITIONS = """
SELECT arm, position, sum(shown) AS shown, sum(clicks) AS clicks FROM (
  SELECT unit, arm, unnest(range(1, least(cast(cardinality(items) AS bigint), {most}) + 1)) AS position, 1 AS shown, 0 AS clicks
  FROM t WHERE kind = 'exposure' AND {mine}
  UNION ALL
  SELECT unit, arm, cast(position AS bigint), 0, 1 FROM t WHERE kind = 'click' AND position <= {most} AND {mine})
GROUP BY unit, arm, position
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over the units of each arm: of each rate, and how often each thing happened."""

    rates: Mapping[str, Sums]
    counts: Mapping[str, list[int]]
    units: list[int]


def tally_units(profile: Profile, experiment: Experiment, propensities: list[float]) -> Tally:
    """Return the sums over units; a click at position k weighs 1 / ``propensities[k - 1]`` in the adjusted rate."""
    num_arms = len(experiment.arms)
    rates, counts, units = {name: Sums(num_arms) for name in RATES}, {name: np.zeros(num_arms) for name in COUNTS}, np.zeros(num_arms)
    sql = UNITS.format(mine=_mine(experiment), window=_window(experiment, "t."), weight=_weight(propensities))
    for batch in lake.query_table(profile, "feedback", sql):
        arms, column = _arms(batch, experiment), _columns(batch)
        for name, (y, x) in RATES.items():
            rates[name].add(arms, column[y], column[x])
        for name in COUNTS:
            counts[name] += np.bincount(arms, column[name], num_arms)
        units += np.bincount(arms, minlength=num_arms)
    return Tally(rates, {name: [int(n) for n in found] for name, found in counts.items()}, [int(n) for n in units])


def tally_positions(profile: Profile, experiment: Experiment) -> Sums:
    """Return the sums of clicks, and of answers that showed an item there, by arm and position: ``MOST_POSITIONS`` groups an arm."""
    found = Sums(len(experiment.arms) * MOST_POSITIONS)
    for batch in lake.query_table(profile, "feedback", POSITIONS.format(mine=_mine(experiment), most=MOST_POSITIONS)):
        column = _columns(batch)
        places = column["position"].astype(np.int64) - 1
        found.add(_arms(batch, experiment) * MOST_POSITIONS + places, column["clicks"], column["shown"])
    return found


def _mine(experiment: Experiment) -> str:
    """Return the condition of an experiment's rows; its name is one that needs no escape."""
    arms = ", ".join(f"'{arm.name}'" for arm in experiment.arms)
    return f"experiment = '{experiment.name}' AND arm IN ({arms}) AND {_window(experiment)}"


def _window(experiment: Experiment, table: str = "") -> str:
    """Return the condition of what happened while the experiment ran; days let the engine leave files unread."""
    start, end = experiment.started.at, experiment.stopped.at if experiment.stopped else datetime.now(UTC) + timedelta(days=1)
    times = f"{table}happened_at >= '{_utc(start):%Y-%m-%dT%H:%M:%S.%fZ}' AND {table}happened_at < '{_utc(end):%Y-%m-%dT%H:%M:%S.%fZ}'"
    return f"{table}day >= '{_utc(start):%Y-%m-%d}' AND {table}day <= '{_utc(end):%Y-%m-%d}' AND {times}"


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _weight(propensities: list[float]) -> str:
    """Return what a click weighs, by its position; beyond the last that was measured as there."""
    weights = [1 / max(found, LEAST_PROPENSITY) for found in propensities]
    cases = " ".join(f"WHEN position = {place} THEN {weight:.9f}" for place, weight in enumerate(weights, 1))
    return f"CASE {cases} ELSE {weights[-1]:.9f} END"


def _arms(batch: pa.RecordBatch, experiment: Experiment) -> Any:
    """Return the place of each row's arm."""
    names = pa.array([arm.name for arm in experiment.arms])
    return pc.index_in(batch["arm"].cast(pa.string()), names).to_numpy(zero_copy_only=False).astype(np.int64)


def _columns(batch: pa.RecordBatch) -> dict[str, Floats]:
    numbers = [name for name in batch.schema.names if name != "arm"]
    found = {name: batch[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in numbers}
    return {**found, ONE: np.ones(batch.num_rows)}
