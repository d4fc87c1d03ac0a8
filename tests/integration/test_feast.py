"""Feast reads exactly the released versions, knows nothing too early, and serves online what it holds offline."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from feature_repo.as_of import evaluation_cut
from feature_repo.jobs import apply, materialise, training_sets
from feature_repo.mark import VIEW
from feature_repo.slices import Slice, find_slice, list_slices
from feature_repo.snapshots import read_snapshot
from feature_repo.store import open_store
from goeswith import lake, releases
from goeswith.jobs import JobRun
from goeswith.profile import PROJECT_ROOT, Profile
from tests.tiny_features import write_tiny_features
from tests.tiny_shop import bundle_rows, event_rows, item_rows, relation_rows, write_rows

CUT = datetime(2025, 1, 2, tzinfo=UTC)


def run_of(profile: Profile, run_id: str = "run", **params: Any) -> JobRun:
    return JobRun(profile=profile, run_id=run_id, params=params)


def rows_of(profile: Profile, version: int, run_id: str = "run") -> pd.DataFrame:
    found: pd.DataFrame = lake.read_table(profile, "training_sets", version=version, where={"run": run_id}).to_pandas()
    return found


@pytest.fixture
def shop(profile: Profile) -> Profile:
    """Return a profile with the tiny released lake."""
    write_tiny_features(profile)
    return profile


def test_apply_pins_every_view_and_says_what_changed(shop: Profile) -> None:
    first = apply.run(run_of(shop)).summary
    assert first["views"] == len(list_slices())
    assert apply.run(run_of(shop)).summary["changed"] == []
    version = write_rows(shop, "items", [{**row, "price": 5.0} for row in item_rows(shop)])
    moved = apply.run(JobRun(profile=shop, run_id="next", versions={**releases.released_versions(shop), "items": version}))
    assert moved.summary["changed"] == ["item_cards", "items"]
    assert open_store(shop).get_feature_view("items").tags["pinned"] == f"items@{version}"


def test_a_training_set_holds_all_items_and_the_edges_of_each_graph(shop: Profile) -> None:
    rows = rows_of(shop, training_sets.run(run_of(shop)).versions["training_sets"])
    items, edges = item_rows(shop), relation_rows(item_rows(shop), "full")
    for graph in ("evaluation", "full"):
        of_graph = rows[rows.graph == graph]
        assert of_graph[of_graph.kind == "item"].item_id.tolist() == sorted(item["item_id"] for item in items)
        pairs = of_graph[of_graph.kind == "pair"]
        assert set(zip(pairs.type, pairs.item_id, pairs.dst, strict=True)) == {(e["type"], e["src"], e["dst"]) for e in edges}
        assert (pairs.n == 5).all()
        assert pairs.weight.tolist() == pytest.approx([0.5] * len(pairs))
    racket = rows[(rows.item_id == "racket-red-0") & (rows.kind == "item")].iloc[0]
    assert (racket.title, racket.price, list(racket.category)) == ("red racket model 0", 10.0, ["sport", "racket"])


def test_building_it_again_writes_no_new_version(shop: Profile) -> None:
    first = training_sets.run(run_of(shop))
    assert training_sets.run(run_of(shop)).versions == first.versions


def test_a_pair_or_an_item_known_after_as_of_does_not_get_in(shop: Profile) -> None:
    late = {"known_at": CUT + timedelta(microseconds=1)}
    edges = [edge for graph in ("evaluation", "full") for edge in relation_rows(item_rows(shop), graph)]
    late_pair = ("racket-red-0", "balls-red-0")
    moved = [{**edge, **late} if (edge["src"], edge["dst"]) == late_pair else edge for edge in edges]
    items = [{**row, **late} if row["item_id"] == "pen-blue-0" else row for row in item_rows(shop)]
    releases.write_release(shop, "late", {"relations": write_rows(shop, "relations", moved), "items": write_rows(shop, "items", items)})
    rows = rows_of(shop, training_sets.run(run_of(shop, as_of=CUT.isoformat())).versions["training_sets"])
    held = dict(iter(rows.groupby("graph")))
    pairs = {graph: set(zip(found.item_id, found.dst, strict=True)) for graph, found in held.items()}
    assert late_pair not in pairs["evaluation"]
    assert late_pair in pairs["full"]
    assert "pen-blue-0" not in {*held["evaluation"].item_id, *held["evaluation"].dst}
    assert "pen-blue-0" in set(held["full"].item_id)
    assert set(held["evaluation"].as_of) == {pd.Timestamp(CUT)}
    assert len(pairs["evaluation"]) < len(pairs["full"])


def test_of_two_verdicts_the_later_one_counts(shop: Profile) -> None:
    apply.run(run_of(shop))
    entities = pd.DataFrame({"src": ["racket-red-0"], "dst": ["balls-red-0"], "event_timestamp": [datetime(2026, 1, 1, tzinfo=UTC)]})
    features = ["edge_verdicts_rules:p_complement", "edge_verdicts_rules:prompt_hash"]
    found = open_store(shop).get_historical_features(entities, features=features).to_df()
    assert (found.p_complement[0], found.prompt_hash[0]) == (0.8, "new")


def test_the_cut_is_the_moment_from_which_every_basket_is_held_out(shop: Profile) -> None:
    baskets = {event["basket_id"]: event["happened_at"] for event in event_rows(bundle_rows(item_rows(shop)))}
    held = [name for name, at in baskets.items() if at >= CUT] + ["sport-red-0"]
    rows = [{"kind": "basket", "id": name, "split": "test", "reason": "time"} for name in held]
    releases.write_release(shop, "held", {"holdout": write_rows(shop, "holdout", rows)})
    assert evaluation_cut(run_of(shop)) == CUT - timedelta(microseconds=1)


def test_a_holdout_that_was_not_made_by_time_has_no_cut(shop: Profile) -> None:
    assert evaluation_cut(run_of(shop)) is None


def online(profile: Profile, part: Slice, entities: pd.DataFrame) -> pd.DataFrame:
    rows = [{str(name): value for name, value in row.items()} for row in entities.to_dict("records")]
    found = open_store(profile).get_online_features([f"{part.name}:{name}" for name in part.features], rows)
    return found.to_df().drop(columns=list(part.entity))


def offline(profile: Profile, part: Slice, entities: pd.DataFrame) -> pd.DataFrame:
    asked = entities.assign(event_timestamp=datetime.now(UTC))
    refs = [f"{part.name}:{name}" for name in part.features]
    return asked.merge(open_store(profile).get_historical_features(asked, features=refs).to_df(), on=list(part.entity))


def test_online_equals_offline_row_by_row(shop: Profile) -> None:
    materialise.run(run_of(shop))
    for part in (part for part in list_slices() if part.online):
        entities = read_snapshot(shop, part, releases.released_versions(shop), part.entity).to_pandas()
        served, held = online(shop, part, entities), offline(shop, part, entities)
        assert len(served) == len(entities) > 0
        for name in set(part.features) - {"updated_at"}:
            for a, b in zip(served[name], held[name], strict=True):
                assert plain(a) == pytest.approx(plain(b), nan_ok=True), (part.name, name)


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return float("nan") if value is pd.NaT else value.astimezone(UTC).timestamp()
    if hasattr(value, "tolist"):
        value = value.tolist()
    return float("nan") if value is None else value


def test_materialising_again_writes_only_what_changed_and_empties_what_is_gone(shop: Profile) -> None:
    assert materialise.run(run_of(shop)).summary["rows"]["items"] == {"written": 60, "gone": 0}
    assert materialise.run(run_of(shop)).summary["rows"]["items"] == {"written": 0, "gone": 0}
    rows = item_rows(shop)
    lake.open_table(shop, "items").delete("item_id = 'pen-red-0'")
    version = write_rows(
        shop, "items", [{**row, "price": 77.0} if row["item_id"] == "pan-red-0" else row for row in rows if row["item_id"] != "pen-red-0"]
    )
    releases.write_release(shop, "next", {"items": version})
    done = materialise.run(run_of(shop, "next")).summary
    assert done["rows"]["items"] == {"written": 1, "gone": 1}
    assert done["release"] == "next"
    found = online(shop, find_slice("items"), pd.DataFrame({"item_id": ["pan-red-0", "pen-red-0"]}))
    assert found.price[0] == 77.0
    assert found.available[1] is None


def test_best_sellers_are_counted_by_category(shop: Profile) -> None:
    materialise.run(run_of(shop))
    best = materialise.read_state(shop.features / "bestsellers.json")
    assert set(best["racket"]) == {row["item_id"] for row in item_rows(shop) if row["category"][-1] == "racket"}
    assert len(best[""]) == 50


@pytest.mark.slow
def test_feasts_own_command_line_applies_the_repository(shop: Profile, tmp_path: Path) -> None:
    environment = {**os.environ, "GOESWITH_HOME": str(shop.root), "GOESWITH_FEAST__ONLINE_PATH": str(shop.features / "online.db")}
    feast = Path(sys.executable).with_name("feast")
    done = subprocess.run(
        [feast, "-c", "feature_repo", "apply"],
        cwd=PROJECT_ROOT,
        env={**environment, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {view.name for view in open_store(shop).list_feature_views()} == {*(part.name for part in list_slices()), VIEW}
