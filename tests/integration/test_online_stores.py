"""Every online store serves the same: what was released, row by row; it is filled again when it was emptied, and found again when it was away."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from feast.infra.provider import get_provider

from feature_repo.bestsellers import build_bestsellers
from feature_repo.check import check_online
from feature_repo.jobs import materialise
from feature_repo.jobs.materialise import read_state
from feature_repo.online import write_rows as write_rows_online
from feature_repo.slices import Slice, find_slice, list_slices
from feature_repo.snapshots import read_snapshot
from feature_repo.store import open_store
from goeswith import lake, releases
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from goeswith.results import write_json
from goeswith_client import Client, ClientConfig, FeaturesUnavailable
from goeswith_client.feast_features import FeastFeatures
from goeswith_client.online_reads import TRY_AGAIN_S
from serving.gateway.offers import Offer, Pushed, Shelf
from tests.stores import PASSWORD, Server, postgres_server, redis_server
from tests.tiny_client import FakeModels, rank_all
from tests.tiny_features import write_tiny_features
from tests.tiny_shop import item_rows, write_rows

STORES = {"sqlite": nullcontext, "redis": redis_server, "postgres": postgres_server}
SERVERS = ("redis", "postgres")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Start one server of each kind."""
    with redis_server() as redis, postgres_server() as postgres:
        yield {"redis": redis, "postgres": postgres}


@pytest.fixture(params=STORES)
def shop(request: pytest.FixtureRequest, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return a profile with the tiny released lake, and each of the online stores in turn."""
    return at_store(request.param, request, profile, monkeypatch)


@pytest.fixture(params=SERVERS)
def remote(request: pytest.FixtureRequest, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return the same with those stores that are servers."""
    return at_store(request.param, request, profile, monkeypatch)


def at_store(kind: str, request: pytest.FixtureRequest, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return the profile with one of the stores, emptied of what another test left there."""
    if kind in SERVERS:
        server: Server = request.getfixturevalue("servers")[kind]
        monkeypatch.setenv("GOESWITH_FEAST__PASSWORD", PASSWORD)
        profile = load_profile(overrides={"home": profile.root, "feast": {"online_store": kind, "online_path": server.address}})
    write_tiny_features(profile)
    return profile


def materialised(profile: Profile, run: str = "run") -> dict[str, dict[str, int]]:
    """Bring the online store to the release; return rows written and gone by view."""
    rows: dict[str, dict[str, int]] = materialise.run(JobRun(profile=profile, run_id=run)).summary["rows"]
    return rows


def online_slices() -> list[Slice]:
    return [part for part in list_slices() if part.online]


def test_what_is_served_is_what_was_released(shop: Profile) -> None:
    materialised(shop)
    found = check_online(shop)
    assert found.holds, found
    assert {view.view: view.rows for view in found.views} == {part.name: rows_of(shop, part) for part in online_slices()}
    assert all(view.rows for view in found.views)


def rows_of(profile: Profile, part: Slice) -> int:
    rows: pa.Table = read_snapshot(profile, part, releases.released_versions(profile), part.entity)
    return int(rows.num_rows)


def test_rows_that_are_missing_or_different_are_found_and_named(shop: Profile) -> None:
    materialised(shop)
    part, rows = find_slice("items"), read_snapshot(shop, find_slice("items"), releases.released_versions(shop))
    lost = rows.filter(pc.equal(rows["item_id"], "pen-red-0"))
    dear = rows.filter(pc.equal(rows["item_id"], "pan-red-0"))
    dear = dear.set_column(dear.schema.get_field_index("price"), dear.schema.field("price"), pa.array([999.0]))
    store = open_store(shop)
    write_rows_online(get_provider(store.config), store.get_feature_view("items"), part, dear, lost.select(["item_id"]), lambda *_: None)
    found = {view.view: view for view in check_online(shop).views}
    assert (found["items"].missing, found["items"].different) == (1, 1)
    assert set(found["items"].examples) == {"pen-red-0: missing", "pan-red-0: price"}
    assert found["item_cards"].holds
    assert {view.view: view for view in check_online(shop, sample=30).views}["items"].rows == 30


def test_a_release_that_is_behind_or_too_old_does_not_hold(shop: Profile) -> None:
    materialised(shop)
    path = shop.features / materialise.STATE
    write_json(path, {**read_state(path), "released_at": (datetime.now(UTC) - timedelta(days=3)).isoformat()})
    old = {view.view: view.stale for view in check_online(shop).views}
    assert (old["items"], old["item_neighbours_substitute"]) == (True, False)
    releases.write_release(shop, "newer", releases.released_versions(shop))
    found = check_online(shop)
    assert (found.served == found.newest, found.newest, found.holds) == (False, "newer", False)


def test_only_what_changed_is_written_and_what_is_gone_is_emptied_although_no_row_became_known_later(shop: Profile) -> None:
    assert materialised(shop)["items"] == {"written": 60, "gone": 0}
    assert materialised(shop)["items"] == {"written": 0, "gone": 0}
    rows = [{**row, "price": 77.0} if row["item_id"] == "pan-red-0" else row for row in item_rows(shop) if row["item_id"] != "pen-red-0"]
    lake.open_table(shop, "items").delete("item_id = 'pen-red-0'")
    releases.write_release(shop, "next", {"items": write_rows(shop, "items", rows)})
    assert materialised(shop, "next")["items"] == {"written": 1, "gone": 1}
    known = FeastFeatures(shop.features).items(["pan-red-0", "pen-red-0"])
    assert {item_id: item.price for item_id, item in known.items()} == {"pan-red-0": 77.0}


def test_an_item_that_was_gone_comes_back(shop: Profile) -> None:
    materialised(shop)
    first, rows = releases.released_versions(shop)["items"], item_rows(shop)
    lake.open_table(shop, "items").delete("item_id = 'pen-red-0'")
    releases.write_release(shop, "without", {"items": write_rows(shop, "items", [row for row in rows if row["item_id"] != "pen-red-0"])})
    materialised(shop, "without")
    releases.write_release(shop, "back", {"items": first})
    assert materialised(shop, "back")["items"] == {"written": 1, "gone": 0}
    assert list(FeastFeatures(shop.features).items(["pen-red-0"])) == ["pen-red-0"]


def test_rows_of_two_killed_runs_do_not_outlive_them(shop: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    materialised(shop)
    first, rows = releases.released_versions(shop)["items"], item_rows(shop)

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for name in ("short-lived", "short-lived too"):
        releases.write_release(shop, name, {"items": write_rows(shop, "items", [{**rows[0], "item_id": name}])})
        monkeypatch.setattr(materialise, "build_bestsellers", kill)
        with pytest.raises(KeyboardInterrupt):
            materialised(shop, name)
        monkeypatch.setattr(materialise, "build_bestsellers", build_bestsellers)
    releases.write_release(shop, "back", {"items": first})
    assert materialised(shop, "back")["items"]["gone"] > 0
    assert not FeastFeatures(shop.features).items(["short-lived", "short-lived too"])


def test_a_store_that_was_emptied_is_filled_again(shop: Profile, servers: dict[str, Server]) -> None:
    first = materialised(shop)
    empty(shop, servers)
    assert materialised(shop) == first
    assert len(FeastFeatures(shop.features).items([row["item_id"] for row in item_rows(shop)])) == 60


def empty(profile: Profile, servers: dict[str, Server]) -> None:
    """Empty the store as an accident would: the file is gone, the server has lost its memory, the tables are dropped."""
    if profile.feast.online_store == "sqlite":
        (profile.features / "online.db").unlink()
    elif profile.feast.online_store == "redis":
        servers["redis"].stop()
        servers["redis"].start()
    else:
        open_store(profile).teardown()  # type: ignore[no-untyped-call]


def push(profile: Profile, *offers: dict[str, Any]) -> Pushed:
    """Push offers as the gateway does."""
    client = Client(ClientConfig(features=profile.features), models=FakeModels(rank_all()))
    return Shelf(profile, client).push([Offer(**offer) for offer in offers])


def test_what_was_pushed_is_in_the_next_answer_each_thing_for_itself(shop: Profile) -> None:
    materialised(shop)
    features = FeastFeatures(shop.features)
    before = features.items(["pan-red-0", "pen-red-0"])
    assert push(shop, {"item_id": "pan-red-0", "price": 77.5}, {"item_id": "nowhere", "price": 1.0}) == Pushed(taken=1, unknown=["nowhere"])
    push(shop, {"item_id": "pan-red-0", "available": False})
    push(shop, {"item_id": "pen-red-0", "price": 1.0}, {"item_id": "pen-red-0", "price": 2.0, "currency": "SEK"})
    after = features.items(["pan-red-0", "pen-red-0"])
    assert after["pan-red-0"] == before["pan-red-0"].model_copy(update={"price": 77.5, "available": False})
    assert after["pen-red-0"] == before["pen-red-0"].model_copy(update={"price": 2.0, "currency": "SEK"})


def test_a_release_that_was_made_later_ends_what_was_pushed(shop: Profile) -> None:
    materialised(shop)
    before = FeastFeatures(shop.features).items(["pan-red-0"])
    push(shop, {"item_id": "pan-red-0", "price": 77.5, "available": False})
    assert materialised(shop)["items"] == {"written": 0, "gone": 0}
    assert FeastFeatures(shop.features).items(["pan-red-0"]) != before
    releases.write_release(shop, "later", releases.released_versions(shop))
    materialised(shop, "later")
    assert FeastFeatures(shop.features).items(["pan-red-0"]) == before


def test_while_a_store_is_away_offers_are_refused_and_afterwards_taken(remote: Profile, servers: dict[str, Server]) -> None:
    materialised(remote)
    server, client = servers[remote.feast.online_store], Client(ClientConfig(features=remote.features), models=FakeModels(rank_all()))
    shelf, offer = Shelf(remote, client), Offer(item_id="pan-red-0", price=3.0)
    assert shelf.push([offer]).taken == 1
    server.stop()
    with pytest.raises(FeaturesUnavailable):
        shelf.push([offer])
    server.start()
    materialised(remote)
    time.sleep(TRY_AGAIN_S)
    assert shelf.push([offer]).taken == 1


def test_while_a_store_is_away_answers_say_so_and_afterwards_they_go_on(remote: Profile, servers: dict[str, Server]) -> None:
    materialised(remote)
    features, server = FeastFeatures(remote.features), servers[remote.feast.online_store]
    known = features.items(["pan-red-0"])
    assert known
    server.stop()
    for _ in range(2):
        with pytest.raises(FeaturesUnavailable, match="the online store failed"):
            features.items(["pan-red-0", "pen-red-0"])
        assert (features.items(["pan-red-0"]), features.state().away) == (known, True), "what was read before is answered with"
    server.start()
    materialised(remote)  # the Redis of these tests keeps nothing
    time.sleep(TRY_AGAIN_S)
    assert ([*features.items(["pen-red-0"])], features.state().away) == (["pen-red-0"], False)


def test_the_password_is_in_no_file_and_in_no_message(remote: Profile, servers: dict[str, Server], caplog: pytest.LogCaptureFixture) -> None:
    materialised(remote)
    files = [path for path in remote.root.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert "${GOESWITH_FEAST__PASSWORD}" in (remote.features / "feature_store.yaml").read_text(encoding="utf-8")
    server = servers[remote.feast.online_store]
    server.stop()
    try:
        with pytest.raises(FeaturesUnavailable) as caught:
            FeastFeatures(remote.features).items(["pan-red-0"])
    finally:
        server.start()
    assert PASSWORD not in str(caught.value) + caplog.text


@pytest.mark.parametrize(("kind", "where"), [("redis", ""), ("redis", "redis"), ("postgres", "postgres:5432"), ("postgres", "postgresql://u:p@h/d")])
def test_an_address_that_is_none_is_refused_with_an_example(profile: Profile, kind: str, where: str) -> None:
    with pytest.raises(ConfigError, match="feast.online_path") as caught:
        open_store(load_profile(overrides={"home": profile.root, "feast": {"online_store": kind, "online_path": where}}))
    assert "PORT" in caught.value.remedy
