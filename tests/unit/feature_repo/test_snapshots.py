"""A snapshot is one version of a table, for good."""

from feature_repo.slices import find_slice
from feature_repo.snapshots import prune_snapshots, read_snapshot, snapshot_path, write_snapshots
from goeswith.profile import Profile
from tests.tiny_shop import item_rows, write_rows


def test_a_snapshot_stays_at_its_version_when_the_table_moves_on(profile: Profile) -> None:
    rows = item_rows(profile)[:3]
    first = write_rows(profile, "items", rows)
    write_snapshots(profile, {"items": first})
    second = write_rows(profile, "items", [{**row, "price": 99.0} for row in rows])
    write_snapshots(profile, {"items": second})
    prices = [set(read_snapshot(profile, find_slice("items"), {"items": v})["price"].to_pylist()) for v in (first, second)]
    assert prices == [{10.0, 11.0}, {99.0}]


def test_a_slice_holds_its_rows_only(profile: Profile) -> None:
    common = {"model_version": "m", "release": "r", "known_at": item_rows(profile)[0]["known_at"], "neighbours": []}
    version = write_rows(profile, "item_neighbours", [{"type": kind, "item_id": kind[0], **common} for kind in ("substitute", "complement")])
    write_snapshots(profile, {"item_neighbours": version})
    assert read_snapshot(profile, find_slice("item_neighbours", type="complement"), {"item_neighbours": version})["item_id"].to_pylist() == ["c"]


def test_a_table_that_does_not_exist_yet_is_an_empty_view(profile: Profile) -> None:
    write_snapshots(profile, {})
    empty = read_snapshot(profile, find_slice("edge_verdicts", judge="rules"), {})
    assert empty.num_rows == 0
    assert "p_substitute" in empty.schema.names


def test_writing_again_writes_nothing_and_pruning_keeps_what_is_used(profile: Profile) -> None:
    version = write_rows(profile, "items", item_rows(profile)[:3])
    assert write_snapshots(profile, {"items": version}) > 0
    assert write_snapshots(profile, {"items": version}) == 0
    prune_snapshots(profile, {"items": version})
    assert snapshot_path(profile, find_slice("items"), {"items": version}).exists()
    prune_snapshots(profile, {})
    assert not snapshot_path(profile, find_slice("items"), {"items": version}).exists()
