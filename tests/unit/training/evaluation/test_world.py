"""What evaluation reads from a lake."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goeswith.errors import DataContractError
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from tests.tiny_shop import RUN, write_rows, write_tiny_lake
from tests.unit.training.evaluation.small_worlds import make_set
from training.evaluation.truth import read_truth
from training.evaluation.world import read_world, refuse_overlap
from training.reserved import Reserved, read_reserved, read_units


@pytest.fixture
def job(profile: Profile) -> JobRun:
    return JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile))


def reserve(job: JobRun, rows: list[tuple[str, str, str]]) -> JobRun:
    held = [{"kind": kind, "id": name, "split": split, "reason": "test"} for kind, name, split in rows]
    return JobRun(profile=job.profile, run_id=job.run_id, versions={**job.versions, "holdout": write_rows(job.profile, "holdout", held)})


def test_bundles_of_the_test_split_are_the_units(job: JobRun) -> None:
    world = read_world(job, data="tiny", max_cases=1_000, seed=0)
    names = {tuple(world.training.items.ids[i] for i in unit) for unit in world.test_bundles.units}
    assert world.bundle_source == "bundles"
    assert all("red" in item for unit in names for item in unit)
    assert len(world.test_bundles) == 12


def test_a_source_without_bundles_is_tested_on_held_out_baskets(job: JobRun) -> None:
    units = read_units(job, Reserved(frozenset({"kitchen-red-0"}), frozenset(), frozenset(), ()))
    assert units.what == "baskets"
    assert units.members == (("pan-red-0", "pan-red-1", "spatula-red-0", "spatula-red-1"),)
    assert units.times[0] == np.datetime64("2025-01-01", "us")


def test_the_epoch_is_no_time(job: JobRun) -> None:
    assert np.isnat(read_units(job, read_reserved(job, "test")).times).all()


def test_what_is_chosen_on_may_not_be_tested_on() -> None:
    both = Reserved(frozenset({"b1"}), frozenset(), frozenset(), ())
    with pytest.raises(DataContractError, match="b1"):
        refuse_overlap(both, both)


def test_an_edge_is_read_with_its_relation(job: JobRun) -> None:
    held = reserve(job, [("edge", "also_bought|a|b", "test"), ("edge", "also_bought|c|d", "validation")])
    assert read_reserved(held, "test").edges == (("also_bought", "a", "b"),)


def test_an_edge_that_names_no_relation_is_refused(job: JobRun) -> None:
    with pytest.raises(DataContractError, match=r"a\|b"):
        read_reserved(reserve(job, [("edge", "a|b", "test")]), "test")


def write_pairs(folder: Path, name: str, rows: list[tuple[str, str]], columns: tuple[str, str] = ("src", "dst")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]), folder / f"{name}.parquet")


def test_truth_of_this_shop_is_read_as_positions(tmp_path: Path) -> None:
    write_pairs(tmp_path, "complements", [("i00", "i03"), ("i01", "i02")])
    write_pairs(tmp_path, "substitutes", [("i02", "i01")])
    write_pairs(tmp_path, "bundles", [("b", "i04"), ("b", "i00"), ("c", "i01")], ("bundle_id", "item_id"))
    truth = read_truth(tmp_path, make_set(5))
    assert truth is not None
    assert [part.tolist() for part in truth.pairs["complement"]] == [[0, 1], [3, 2]]
    assert truth.bundles == ((0, 4), (1,))


def test_truth_of_a_shop_that_was_ingested_before_is_not_read(tmp_path: Path) -> None:
    for name in ("complements", "substitutes"):
        write_pairs(tmp_path, name, [("x1", "x2")])
    write_pairs(tmp_path, "bundles", [("b", "x1")], ("bundle_id", "item_id"))
    assert read_truth(tmp_path, make_set(5)) is None
    assert read_truth(tmp_path / "nowhere", make_set(5)) is None
