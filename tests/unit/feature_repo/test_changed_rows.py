"""Only what changed goes to the online store."""

import pytest

from feature_repo.online import changed_rows
from feature_repo.slices import find_slice
from feature_repo.snapshots import write_snapshots
from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.profile import Profile
from tests.tiny_shop import item_rows, write_rows

ITEMS = find_slice("items")


@pytest.fixture
def versions(profile: Profile) -> tuple[int, int]:
    """Return two versions of items: one item changed, one new, one gone."""
    rows = item_rows(profile)[:4]
    first = write_rows(profile, "items", rows[:3])
    lake.open_table(profile, "items").delete(f"item_id = '{rows[0]['item_id']}'")
    second = write_rows(profile, "items", [{**rows[1], "price": 99.0}, *rows[2:]])
    for version in (first, second):
        write_snapshots(profile, {"items": version})
    return first, second


def test_a_changed_and_a_new_row_are_written_and_a_gone_one_is_named(profile: Profile, versions: tuple[int, int]) -> None:
    ids = [row["item_id"] for row in item_rows(profile)[:4]]
    rows, gone = changed_rows(profile, ITEMS, {"items": versions[0]}, {"items": versions[1]})
    assert sorted(rows["item_id"].to_pylist()) == sorted([ids[1], ids[3]])
    assert gone["item_id"].to_pylist() == [ids[0]]
    assert set(rows.schema.names) == set(find_table("items").columns) - {"attributes"} | {"attributes_name", "attributes_value"}


def test_the_same_version_changes_nothing(profile: Profile, versions: tuple[int, int]) -> None:
    rows, gone = changed_rows(profile, ITEMS, {"items": versions[1]}, {"items": versions[1]})
    assert (rows.num_rows, gone.num_rows) == (0, 0)


def test_a_first_time_writes_all(profile: Profile, versions: tuple[int, int]) -> None:
    rows, gone = changed_rows(profile, ITEMS, {}, {"items": versions[1]})
    assert (rows.num_rows, gone.num_rows) == (3, 0)
