"""Keys: kept as hashes, each opening its scopes alone; revoked they open nothing, at once."""

import json
import stat
import threading
from datetime import datetime
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

from goeswith.errors import ConfigError
from serving.gateway.auth import SCOPE_OF, scope_of
from serving.gateway.keys import SCOPES, Keys, create_key, read_keys, revoke_key
from tests.tiny_gateway import bearer, tiny_app, tiny_gateway


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys.json"


def test_a_key_at_rest_is_a_hash_that_only_its_owner_reads(path: Path) -> None:
    key = create_key(path, "shop", ("ask", "search", "ask"))
    assert len(key) >= 43
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(known.name, known.scopes, known.revoked) for known in read_keys(path)] == [("shop", ("ask", "search"), None)]


def test_two_keys_are_never_the_same(path: Path) -> None:
    assert len({create_key(path, f"k{n}", ("ask",)) for n in range(10)}) == 10


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ("ask",)), ("a b", ("ask",)), ("x" * 65, ("ask",)), ("a\n", ("ask",)), ("a", ()), ("a", ("root",))]
)
def test_a_bad_name_or_scope_is_refused_with_the_legal_ones(path: Path, name: str, scopes: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="scopes: ask, search, metrics, dashboard, rules, events"):
        create_key(path, name, scopes)
    assert not path.exists()


def test_a_name_is_one_valid_keys_at_a_time(path: Path) -> None:
    create_key(path, "shop", ("ask",))
    with pytest.raises(ConfigError, match="goeswith keys revoke shop"):
        create_key(path, "shop", ("ask",))
    revoke_key(path, "shop")
    with pytest.raises(ConfigError, match="valid keys: none"):
        revoke_key(path, "shop")
    create_key(path, "shop", ("ask",))
    assert [key.revoked is None for key in read_keys(path)] == [False, True]


def test_two_writers_at_once_lose_no_key(path: Path) -> None:
    threads = [threading.Thread(target=create_key, args=(path, f"k{n}", ("ask",))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in read_keys(path)} == {f"k{n}" for n in range(8)}


def test_without_any_key_everybody_may_ask(path: Path) -> None:
    assert tiny_gateway(keys=Keys(path)).get("/items/i3").status_code == 200


@pytest.mark.parametrize("shown", [{}, {"Authorization": "Bearer gw_wrong"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer \xe9"}])
def test_with_keys_a_question_without_a_valid_one_is_401(path: Path, shown: dict[str, str]) -> None:
    create_key(path, "shop", ("ask",))
    gateway = tiny_gateway(keys=Keys(path))
    refused = gateway.get("/items/i3", headers={name.encode(): value.encode("latin-1") for name, value in shown.items()})
    assert (refused.status_code, refused.json()["error"]) == (401, "Unauthorized")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "goeswith keys create" in refused.json()["remedy"]


def test_a_key_opens_its_scopes_and_no_other(path: Path) -> None:
    gateway = tiny_gateway(keys=Keys(path))
    asker, watcher = bearer(path, "ask"), bearer(path, "metrics", name="prometheus")
    assert gateway.get("/items/i3", headers=asker).status_code == 200
    assert gateway.get("/metrics", headers=watcher).status_code == 200
    for refused in (gateway.get("/metrics", headers=asker), gateway.post("/ask/bundle", json={"items": ["i0"]}, headers=watcher)):
        assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden")
        assert "insufficient_scope" in refused.headers["www-authenticate"]


def test_health_and_the_description_need_no_key(path: Path) -> None:
    create_key(path, "shop", ("ask",))
    gateway = tiny_gateway(keys=Keys(path))
    assert [gateway.get(open_path).status_code for open_path in ("/health", "/ready", "/openapi.json", "/docs")] == [200] * 4


def test_every_route_is_open_on_purpose_or_has_a_scope_that_keys_can_have() -> None:
    routes = [(route.path, isinstance(route, Mount)) for route in tiny_app().routes if isinstance(route, Route | Mount)]
    assert {scope_of(f"{path}/file" if is_folder else path) for path, is_folder in routes} <= {None, *SCOPES}
    assert set(SCOPE_OF.values()) <= set(SCOPES)


@pytest.mark.parametrize("path", ["/later", "//health", "/health/x", "/ASK/substitutes/i0", "", "*", "/pages"])
def test_a_path_that_nobody_thought_of_stays_shut(path: str) -> None:
    assert scope_of(path) == "none"


def test_a_revoked_key_opens_nothing_from_then_on_and_its_gateway_stays_shut(path: Path) -> None:
    gateway = tiny_gateway(keys=Keys(path))
    shown = bearer(path, "ask")
    assert gateway.get("/items/i3", headers=shown).status_code == 200
    revoke_key(path, "shop")
    assert gateway.get("/items/i3", headers=shown).status_code == 401
    assert gateway.get("/items/i3").status_code == 401


@pytest.mark.parametrize("damage", ["", "{", "[]x", '[{"name": "a"}]'])
def test_a_damaged_file_opens_nothing(path: Path, damage: str) -> None:
    shown = bearer(path, "ask")
    gateway = tiny_gateway(keys=Keys(path))
    path.write_text(damage)
    assert gateway.get("/items/i3", headers=shown).status_code == 401
    assert gateway.get("/items/i3").status_code == 401
    with pytest.raises(ConfigError, match="create the keys anew"):
        read_keys(path)


def test_a_file_that_is_taken_away_opens_nothing_where_others_reach_the_gateway(path: Path) -> None:
    shown = bearer(path, "ask")
    gateway = tiny_gateway(keys=Keys(path, open_without=False))
    assert gateway.get("/items/i3", headers=shown).status_code == 200
    path.unlink()
    assert gateway.get("/items/i3", headers=shown).status_code == 401


def test_the_description_says_which_scope_each_route_needs() -> None:
    described = tiny_app().openapi()
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert described["paths"]["/ask/bundle"]["post"]["security"] == [{"key": ["ask"]}]
    assert described["paths"]["/health"]["get"]["security"] == []
    assert {"401", "403", "429"} <= set(described["paths"]["/ask/bundle"]["post"]["responses"])


def test_the_file_says_when_and_nothing_that_opens(path: Path) -> None:
    create_key(path, "shop", ("ask",))
    held = json.loads(path.read_text())[0]
    assert set(held) == {"name", "sha256", "scopes", "created", "revoked"}
    assert datetime.fromisoformat(held["created"]).utcoffset() is not None
