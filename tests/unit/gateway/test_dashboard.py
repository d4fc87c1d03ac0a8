"""The dashboard says what is served, how old it is, what gates and evaluation said, and how much of the catalogue it covers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from goeswith import releases
from goeswith.profile import Profile
from goeswith.results import Figure, write_figures
from goeswith_client import Client, ClientConfig
from serving.gateway.app import build_app
from serving.gateway.coverage import count_coverage
from serving.gateway.dashboard import SHOWN_CHANGES
from serving.gateway.explorer import add_explorer
from serving.gateway.gate_board import SHOWN_FAILURES, read_board
from serving.nearest import NearestIds
from serving.rollout.manifest import Canary, Version, make_canary, make_current, write_published
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_features import write_tiny_features
from tests.tiny_shop import NOW, write_rows


def read(profile: Profile, age: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    client = Client(ClientConfig(), features=DictFeatures(age=age), models=FakeModels(rank_all()))
    app = build_app(client, NearestIds(list))
    add_explorer(app, client, profile)
    answer = TestClient(app).get("/dashboard")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def version(number: int) -> Version:
    facts = {"release": "tiny", "made_from": "x", "models": (), "metrics": (), "feature_names": ()}
    return Version.model_validate({"version": number, "run": f"r{number + 4}", **facts})


def check(profile: Profile, table: str, version: int, decision: str, *held: bool) -> None:
    """Write a gate's results; what does not hold stops."""
    common = {"run": "tiny", "table": table, "version": version, "decision": decision, "checked_at": NOW + timedelta(hours=version)}
    rows = [{"expectation": f"e{n}", "success": ok, "severity": "stop", "unexpected": None if ok else 3} for n, ok in enumerate(held)]
    write_rows(profile, "gate_results", [{**common, **row, "observed": None, "sample": None} for row in rows])


def test_before_anything_was_done_it_says_that_nothing_is_there(profile: Profile) -> None:
    board = read(profile)
    assert (board["release"], board["models"], board["metrics"]) == (None, None, [])
    assert (board["gates"]["tables"], board["gates"]["passed"], board["gates"]["refused"]) == ([], 0, 0)
    assert board["health"]["triton"] is True


def test_it_names_the_release_its_tables_and_the_published_models(profile: Profile) -> None:
    versions = write_tiny_features(profile)
    profile.model_repository.mkdir(parents=True)
    write_published(profile, make_current(make_current(None, version(2)), version(3)))
    board = read(profile)
    assert (board["models"]["run"], board["models"]["version"], board["models"]["kept"]) == ("r7", 3, [2, 3])
    assert board["models"]["canary"] is None
    assert board["release"]["name"] == "tiny-features"
    tables = {one["table"]: one for one in board["release"]["tables"]}
    assert {name: one["version"] for name, one in tables.items()} == versions
    assert tables["item_neighbours"]["allowed_s"] == timedelta(days=7).total_seconds()
    assert tables["bundles"]["allowed_s"] is None
    age = datetime.now(UTC) - datetime.fromisoformat(tables["items"]["written_at"])
    assert timedelta() <= age < timedelta(minutes=5)


def test_a_canary_and_the_last_changes_are_told_the_newest_first(profile: Profile) -> None:
    profile.model_repository.mkdir(parents=True)
    state = make_current(None, version(1))
    for number in range(2, 2 + SHOWN_CHANGES):
        state = make_current(state, version(number), why=f"week {number}")
    write_published(profile, make_canary(state, version(20), Canary(version=20, share=0.1), "a try"))
    models = read(profile)["models"]
    assert models["canary"] == {"run": "r24", "version": 20, "share": 0.1}
    assert len(models["changes"]) == SHOWN_CHANGES
    last = [(change["what"], change["version"], change["why"]) for change in models["changes"]]
    assert last[:2] == [("canary", 20, "a try"), ("published", 11, "week 11")]


def test_old_features_show_in_the_health(profile: Profile) -> None:
    board = read(profile, age=timedelta(days=30))
    assert board["health"]["features"] is False
    assert "30.0 days ago" in board["health"]["notes"][0]


def test_coverage_counts_lists_that_hold_something_and_what_they_rest_on(profile: Profile) -> None:
    write_tiny_features(profile)
    coverage = count_coverage(profile, releases.read_release(profile))
    substitutes, complements = coverage.types["substitute"], coverage.types["complement"]
    assert (coverage.items, coverage.both) == (60, 30)
    assert (substitutes.listed, substitutes.sure, substitutes.sources) == (60, 60, {"behaviour": 60})
    assert (complements.listed, complements.sure, complements.sources) == (30, 30, {"behaviour": 60})


def test_lists_without_a_threshold_are_never_sure(profile: Profile) -> None:
    write_tiny_features(profile)
    neighbour = {"item_id": "pen-red-0", "score": 1.0, "source": "content", "reason": ""}
    row = {"type": "substitute", "item_id": "pen-red-1", "neighbours": [neighbour], "threshold": None, "model_version": "m", "release": "r"}
    versions = {"item_neighbours": write_rows(profile, "item_neighbours", [{**row, "known_at": NOW}])}
    found = count_coverage(profile, releases.write_release(profile, "unsure", versions)).types["substitute"]
    assert (found.listed, found.sure, found.sources) == (60, 59, {"behaviour": 59, "content": 1})


def test_the_last_gate_of_a_table_counts_and_failures_are_the_newest_first(profile: Profile) -> None:
    check(profile, "items", 1, "stop", False, True)
    check(profile, "items", 2, "pass", True, True)
    check(profile, "events", 3, "stop", True, False)
    board = read_board(profile)
    assert (board.passed, board.refused, [gate.table for gate in board.tables]) == (1, 1, ["events", "items"])
    assert [(gate.table, gate.version) for gate in board.failures] == [("events", 3), ("items", 1)]
    assert (board.failures[0].failed[0].expectation, board.failures[0].failed[0].unexpected) == ("e1", 3)


def test_only_the_last_failures_are_shown(profile: Profile) -> None:
    for version in range(SHOWN_FAILURES + 2):
        check(profile, "items", version, "stop", False)
    assert [gate.version for gate in read_board(profile).failures] == list(range(SHOWN_FAILURES + 1, 1, -1))


def test_figures_are_those_of_the_slice_that_decides(profile: Profile) -> None:
    places = (("all", "a", 0.2), ("all", "b", 0.4), ("head", "a", 0.9))
    figures = [Figure(task="substitutes", data="tiny", slice=s, model=m, metric="ndcg@10", value=value, n=5) for s, m, value in places]
    write_figures(profile, "metrics", figures)
    tables = read(profile)["metrics"]
    assert [(table["slice"], [model for model, _ in table["models"]]) for table in tables] == [("all", ["b", "a"])]
