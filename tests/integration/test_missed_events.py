"""An asset's event that is lost, or merged with another, does no harm: the next run reads what is released, and all that came since it last did."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from goeswith import releases
from goeswith.command.run import run_dag
from goeswith.profile import Profile, load_profile
from goeswith_client.feast_features import FeastFeatures
from tests.faults.history import read_contents
from tests.faults.processes import SIZED
from tests.own_shop import Row, write_shop
from tests.tiny_features import write_tiny_features
from tests.tiny_shop import item_rows, write_rows

COUNTED = ("item_pairs", "relations", "item_sets")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ, SIZED):  # a DAG's run leaves its home in the environment
        yield


@pytest.mark.slow
def test_the_online_store_follows_two_releases_of_which_it_never_heard(profile: Profile) -> None:
    write_tiny_features(profile)
    run_dag(profile, "refresh_features", "first")
    for item, price in (("pan-red-0", 77.0), ("pen-red-0", 88.0)):
        rows = [row for row in item_rows(profile) if row["item_id"] == item]
        releases.write_release(profile, f"{item}-dearer", {"items": write_rows(profile, "items", [{**rows[0], "price": price}])})
    run_dag(profile, "refresh_features", "second")
    found = FeastFeatures(profile.features).items(["pan-red-0", "pen-red-0", "pen-red-1"])
    assert {item_id: item.price for item_id, item in found.items()} == {"pan-red-0": 77.0, "pen-red-0": 88.0, "pen-red-1": 11.0}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_graph_that_missed_a_release_counts_as_one_that_saw_everything_at_once(tmp_path: Path) -> None:
    feeds = [write_shop(tmp_path / f"feed{n}", items(), baskets(range(40 * n, 40 * n + 40))) for n in range(3)]
    whole = write_shop(tmp_path / "whole", items(), baskets(range(120)))
    ingest(tmp_path / "missed", "shop", feeds[0], "snapshot")
    run_dag(at(tmp_path / "missed"), "graph", "shop")
    for n, feed in enumerate(feeds[1:]):
        ingest(tmp_path / "missed", f"addition-{n}", feed, "increment")
    run_dag(at(tmp_path / "missed"), "graph", "later")
    ingest(tmp_path / "at-once", "shop", whole, "snapshot")
    run_dag(at(tmp_path / "at-once"), "graph", "shop")
    missed, at_once = (read_contents(tmp_path / home) for home in ("missed", "at-once"))
    assert missed["events"] == at_once["events"]
    for table in COUNTED:
        assert missed[table] == at_once[table], table


def at(home: Path) -> Profile:
    return load_profile(overrides={"home": home})


def ingest(home: Path, run: str, feed: Path, mode: str) -> None:
    """Run the DAG ``ingest`` as ``goeswith run`` does, whose events reach nobody."""
    run_dag(at(home), "ingest", run, {"ingest": {"source": "files", "data": str(feed), "mode": mode}})


def items() -> list[Row]:
    return [{"item_id": f"i{k}", "title": f"thing number {k} of kind {k % 4}", "price": str(5 + k), "known_at": "2024-01-01"} for k in range(16)]


def baskets(numbers: range) -> list[Row]:
    """Return baskets of the four items of a kind, and one of another."""
    return [line for n in numbers for line in _lines(n)]


def _lines(n: int) -> list[Row]:
    held = dict.fromkeys([*(f"i{n % 4 + 4 * k}" for k in range(4)), f"i{(n + 1) % 16}"])
    common = {"basket_id": f"b{n}", "user_id": f"u{n % 9}", "kind": "purchase", "quantity": "1", "happened_at": f"2024-03-{1 + n % 28:02}T10:00:00"}
    return [{**common, "event_id": f"{n}-{item}", "item_id": item} for item in held]
