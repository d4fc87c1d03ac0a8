"""What bundle completion learns from: whole units, none that is reserved."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.jobs import JobRun
from goeswith.profile import Profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.bundles.lessons import BasketSample, Lessons, as_lessons, without_pairs_of
from training.bundles.recipe import BundleRecipe
from training.dataset import read_training_set
from training.jobs.train_bundles import read_lessons
from training.reserved import Units


def lessons(*members: tuple[int, ...]) -> Lessons:
    return Lessons(members, np.full(len(members), np.datetime64("NaT", "us")), np.arange(len(members)))


@pytest.fixture
def job(profile: Profile) -> JobRun:
    return JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile))


def test_the_evaluation_graph_learns_from_no_reserved_bundle_and_the_full_graph_from_all(job: JobRun) -> None:
    counts = {}
    for graph in ("evaluation", "full"):
        training = read_training_set(job.profile, version=job.version_of("training_sets"), run=RUN, graph=graph)
        bundles, baskets = read_lessons(job, training, BundleRecipe())
        colours = {training.items.ids[item].split("-")[1] for unit in bundles.members for item in unit}
        counts[graph] = (len(bundles), len(baskets), "red" in colours, "blue" in colours)
    assert counts == {"evaluation": (9, 45, False, False), "full": (15, 45, True, True)}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=120), st.integers(1, 12), st.integers(1, 30))
def test_a_sample_keeps_whole_baskets_and_about_as_many_as_asked(rows: list[tuple[int, int]], limit: int, size: int) -> None:
    sample = BasketSample(limit, frozenset({"b0"}))
    table = pa.table({"basket_id": pa.array([f"b{b}" for b, _ in rows], pa.string()), "item_id": pa.array([f"i{i}" for _, i in rows], pa.string())})
    kept = sample.keep(pa.concat_tables([sample.keep(table.slice(at, size)) for at in range(0, len(rows), size)] or [table]))
    names = set(kept["basket_id"].to_pylist())
    assert "b0" not in names
    assert len(names) <= limit
    assert kept.num_rows == sum(name in names for name in table["basket_id"].to_pylist())
    there = set(table["basket_id"].to_pylist()) - {"b0"}
    assert names == there or len(there) > limit


def test_units_stand_in_the_order_of_their_time_without_unknown_items_and_single_ones() -> None:
    times = np.array(["2025-03-01", "2025-01-01", "2025-02-01"], dtype="datetime64[us]")
    units = Units((("a", "b", "nobody"), ("b", "c"), ("c", "nobody")), times, "baskets", ("x", "y", "z"))
    found = as_lessons(units, {"a": 0, "b": 1, "c": 2})
    assert found.members == ((1, 2), (0, 1))
    assert found.times.tolist() == sorted(times[:2].tolist())


def test_a_unit_that_holds_a_tested_pair_is_left_out() -> None:
    assert without_pairs_of(lessons((0, 1, 2), (0, 3), (2, 3)), lessons((0, 1), (3, 4))).members == ((0, 3), (2, 3))
