"""Every online store serves the same: what was released, row by row; it is filled again when it was emptied, and found again when it was away."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from feature_repo.bestsellers import build_bestsellers
from feature_repo.jobs import materialise
from feature_repo.slices import Slice, list_slices
from feature_repo.snapshots import read_snapshot
from feature_repo.store import open_store
from goeswith import lake, releases
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from goeswith_client import FeaturesUnavailable
from goeswith_client.feast_features import FeastFeatures
from tests.stores import PASSWORD, Server, postgres_server, redis_server
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


def served(profile: Profile, part: Slice) -> dict[str, list[Any]]:
    """Return what Feast serves of every row of a slice."""
    keys = read_snapshot(profile, part, releases.released_versions(profile), part.entity).to_pylist()
    found: dict[str, list[Any]] = open_store(profile).get_online_features([f"{part.name}:{name}" for name in part.features], keys).to_dict()
    return found


def test_what_is_served_is_what_was_released(shop: Profile) -> None:
    materialised(shop)
    for part in online_slices():
        released = read_snapshot(shop, part, releases.released_versions(shop))
        found = served(shop, part)
        for name in set(part.features) - {"updated_at"}:
            assert [as_plain(value) for value in found[name]] == [as_plain(value) for value in released[name].to_pylist()], (part.name, name)


def as_plain(value: Any) -> Any:
    """Return a value as it compares: a list that is empty is none, as in Feast; times without their zone."""
    return None if value in ([], None) else value


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


def test_while_a_store_is_away_answers_say_so_and_afterwards_they_go_on(remote: Profile, servers: dict[str, Server]) -> None:
    materialised(remote)
    features, server = FeastFeatures(remote.features), servers[remote.feast.online_store]
    assert features.items(["pan-red-0"])
    server.stop()
    for _ in range(2):
        with pytest.raises(FeaturesUnavailable, match="the online store failed"):
            features.items(["pan-red-0"])
    server.start()
    materialised(remote)  # the Redis of these tests keeps nothing
    assert features.items(["pan-red-0"])


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
