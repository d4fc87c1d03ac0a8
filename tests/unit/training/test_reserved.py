"""The baskets that evaluation completes hold what was bought and kept, by the same rule as the counts."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.jobs import JobRun
from goeswith.profile import Profile
from tests.tiny_shop import RUN, event_rows, item_rows, write_rows, write_tiny_lake
from training.bundle_cases import leave_one_out
from training.reserved import Reserved, Units, drop_tested_pairs, read_units, read_validation_cases, standing_purchases

SCHEMA = pa.schema([("basket_id", pa.string()), ("item_id", pa.string()), ("quantity", pa.int32())])
Move = tuple[str, str, int]
moves = st.lists(st.tuples(st.sampled_from("bc"), st.sampled_from("xyz"), st.integers(1, 3)), max_size=8)


def table(rows: list[Move]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@given(moves, moves)
def test_an_entry_stands_while_more_was_bought_than_returned(bought: list[Move], taken: list[Move]) -> None:
    net: Counter[tuple[str, str]] = Counter()
    for sign, rows in ((1, bought), (-1, taken)):
        for basket, item, quantity in rows:
            net[basket, item] += sign * quantity
    found = standing_purchases(table(bought), table(taken)).select(SCHEMA.names).to_pylist()
    assert sorted(tuple(row.values()) for row in found) == sorted(row for row in bought if net[row[:2]] > 0)


@pytest.fixture
def job(profile: Profile) -> JobRun:
    return JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile))


def members(job: JobRun, *more: dict[str, object]) -> tuple[tuple[str, ...], ...]:
    first = next(row for row in event_rows([{"bundle_id": "kitchen-red", "item_id": "pan-red-0"}]))
    rows = [{**first, **row} for row in more]
    versions = {**job.versions, "events": write_rows(job.profile, "events", rows)} if rows else job.versions
    changed = JobRun(profile=job.profile, run_id=job.run_id, versions=versions)
    return read_units(changed, Reserved(frozenset({"kitchen-red-0"}), frozenset(), frozenset(), ())).members


def test_a_returned_and_a_cancelled_item_are_no_part_of_their_basket(job: JobRun) -> None:
    whole = members(job)[0]
    assert whole == ("pan-red-0", "pan-red-1", "spatula-red-0", "spatula-red-1")
    returned: dict[str, object] = {"event_id": "r", "kind": "return"}
    assert members(job, returned) == (whole[1:],)
    cancelled: dict[str, object] = {"event_id": "kitchen-red-pan-red-0-0", "quantity": 0}
    assert members(job, cancelled) == (whole[1:],)


def test_a_basket_keeps_the_time_of_its_purchases(job: JobRun) -> None:
    units = read_units(job, Reserved(frozenset({"kitchen-red-0"}), frozenset(), frozenset(), ()))
    assert units.times[0] == np.datetime64("2025-01-01", "us")


def test_no_tested_pair_stands_in_what_a_choice_is_made_by() -> None:
    nat = np.full(2, np.datetime64("NaT", "us"))
    tested = Units((("a", "b"), ("e", "f", "unknown")), nat, "bundles", ("", ""))
    chosen = leave_one_out([[0, 1, 2], [6, 7]], nat, max_cases=100, seed=0)
    assert drop_tested_pairs(chosen, tested, {name: at for at, name in enumerate("abcdefgh")}).target.tolist() == [2, 6, 7]


def test_choices_are_made_by_what_validation_keeps(profile: Profile) -> None:
    job = JobRun(profile=profile, run_id=RUN, versions=write_tiny_lake(profile))
    names = sorted(row["item_id"] for row in item_rows(profile))
    cases = read_validation_cases(job, {name: at for at, name in enumerate(names)}, max_cases=100, seed=0)
    assert len(cases) == 12
    assert all("blue" in names[item] for unit in cases.units for item in unit), "red bundles are the test's"
