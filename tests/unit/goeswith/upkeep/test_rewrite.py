"""Small files are made large and pairs sorted, in commits that change no row; done again, nothing is left to do."""

from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from goeswith import lake, releases
from goeswith.profile import Profile
from goeswith.upkeep.log import live_files
from goeswith.upkeep.rewrite import Rewrite, plan_rewrites, rewrite, set_properties
from tests import tiny_shop
from tests.unit.goeswith.upkeep.shop import maintain, pair, pairs_at, write_pairs

MEGABYTE = 2**20


def write_apart(profile: Profile, times: int, **where: str) -> int:
    """Write each pair with a commit, and so a file, of its own; items of one commit lie far apart."""
    return [write_pairs(profile, *(pair(f"i{j:03}", f"j{k:03}", j + k, **where) for j in range(k, 100, 10))) for k in range(times)][-1]


def live(profile: Profile) -> list[Path]:
    root = Path(lake.table_uri(profile, "item_pairs"))
    return [root / path for path in live_files(profile, "item_pairs", lake.open_table(profile, "item_pairs").version())]


def test_a_partition_is_rewritten_from_so_many_small_files_on_and_alone(profile: Profile) -> None:
    write_apart(profile, 4)
    write_apart(profile, 3, relation="co_view")
    (found,) = plan_rewrites(profile, "item_pairs", MEGABYTE, 4)
    assert found.partition == {"graph": "full", "relation": "co_purchase"}
    assert (found.files, found.sort) == (4, True)
    assert plan_rewrites(profile, "item_pairs", MEGABYTE, 5) == []


def test_a_rewrite_keeps_every_row_and_tells_readers_of_changes_of_none(profile: Profile) -> None:
    before = write_apart(profile, 5)
    rows = pairs_at(profile)
    (found,) = plan_rewrites(profile, "item_pairs", MEGABYTE, 2)
    rewrite(profile, "item_pairs", found, MEGABYTE)
    assert len(live(profile)) == 1
    assert pairs_at(profile) == rows == pairs_at(profile, before)
    changes = lake.open_table(profile, "item_pairs").load_cdf(starting_version=before + 1)
    assert sum(batch.num_rows for batch in changes) == 0
    assert lake.content_version(profile, "item_pairs", before + 1) == before


def test_pairs_of_neighbouring_items_lie_together_afterwards(profile: Profile) -> None:
    write_apart(profile, 10)
    rewrite(profile, "item_pairs", Rewrite(partition={"graph": "full", "relation": "co_purchase"}, files=10, bytes=0, sort=True), MEGABYTE)
    (path,) = live(profile)
    found = pq.read_table(path, columns=["src"]).column("src").to_pylist()
    steps = [abs(int(a[1:]) - int(b[1:])) for a, b in pairwise(found)]
    assert sum(steps) / len(steps) < 10  # as they were written it is ten or more


def test_other_tables_are_merged_not_sorted(profile: Profile) -> None:
    for k in range(4):
        tiny_shop.write_rows(profile, "events", [{**tiny_shop.event_rows(tiny_shop.bundle_rows(tiny_shop.item_rows(profile)))[k]}])
    (found,) = plan_rewrites(profile, "events", MEGABYTE, 4)
    assert (dict(found.partition), found.sort) == ({}, False)
    rewrite(profile, "events", found, MEGABYTE)
    assert lake.read_table(profile, "events").num_rows == 4
    assert plan_rewrites(profile, "events", MEGABYTE, 2) == []


def test_a_large_sorted_partition_only_has_its_new_small_files_merged(profile: Profile) -> None:
    write_pairs(profile, *(pair(f"i{j:05}", f"j{j * 7919 % 5000:05}", j) for j in range(5000)))
    size = sum(path.stat().st_size for path in live(profile))
    write_apart(profile, 3)
    (found,) = plan_rewrites(profile, "item_pairs", size, 3)
    assert not found.sort


def test_an_older_table_is_given_the_properties_that_it_lacks_once(profile: Profile) -> None:
    write_pairs(profile, pair("a", "b", 1))
    lake.open_table(profile, "item_pairs").alter.set_table_properties({"delta.enableExpiredLogCleanup": "true"})
    set_properties(profile, "item_pairs")
    version = lake.current_version(profile, "item_pairs")
    assert lake.open_table(profile, "item_pairs").metadata().configuration == lake.PROPERTIES
    set_properties(profile, "item_pairs")
    assert lake.current_version(profile, "item_pairs") == version


@pytest.mark.parametrize("released", [True, False])
def test_rows_that_no_gate_has_let_pass_are_left_for_it_to_put_back(profile: Profile, released: bool) -> None:
    first = write_apart(profile, 4)
    releases.write_release(profile, "r", {"item_pairs": first})
    newest = first if released else write_pairs(profile, pair("x", "y", 1))
    told = maintain(profile).summary["tables"]["item_pairs"]
    assert told["untouched"] == ("" if released else "its newest rows are not released")
    assert (lake.current_version(profile, "item_pairs") == newest) is not released
