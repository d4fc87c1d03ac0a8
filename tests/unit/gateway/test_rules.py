"""``/rules``: changed by those whose key opens it, who stands in the history; what cannot be is refused with what it may have meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from goeswith.profile import Profile
from goeswith_client import Client, ClientConfig
from goeswith_client.rulebook import Rulebook
from goeswith_client.rules_file import RulesFile
from serving.gateway.app import build_app
from serving.gateway.keys import SCOPES, Keys
from serving.gateway.rules import NO_KEY, add_rule_routes
from serving.nearest import NearestIds
from serving.rules.table import export_rules, rules_path
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_gateway import bearer, tiny_gateway
from tests.tiny_shop import write_items

Check = Callable[[schemathesis.CheckContext, schemathesis.Response, schemathesis.Case[Any]], bool | None]
SEED, OTHER = "racket-red-0", "racket-red-1"
BAN = {"kind": "ban", "item": OTHER, "why": "recalled"}


class Ruled(DictFeatures):
    """Features whose rules are those in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(count=6)
        self._file = RulesFile(path)

    def rules(self) -> Rulebook:
        """Return the rules as they are now."""
        return self._file.read()


def build(profile: Profile, keys: Keys | None = None) -> FastAPI:
    client = Client(ClientConfig(), features=Ruled(rules_path(profile)), models=FakeModels(rank_all(count=6)))
    app = build_app(client, NearestIds(list), keys=keys)
    add_rule_routes(app, profile)
    return app


def gateway(profile: Profile, keys: Keys | None = None) -> TestClient:
    """Return a gateway of its own over a profile, as one of several processes would be."""
    return TestClient(build(profile, keys))


@pytest.fixture
def served(profile: Profile) -> TestClient:
    write_items(profile)
    return gateway(profile)


def test_a_rule_is_added_listed_and_removed_and_the_history_tells(served: TestClient) -> None:
    made = served.post("/rules", json=BAN)
    assert made.status_code == 201
    assert (made.json()["rule_id"], made.json()["created_by"], made.json()["says"]) == ("r1", NO_KEY, f"ban {OTHER} everywhere")
    assert served.get("/rules").json() == {"rules": [made.json()], "total": 1}
    removed = served.delete("/rules/r1", params={"why": "a mistake"}).json()
    assert (removed["removed_by"], removed["removed_why"]) == (NO_KEY, "a mistake")
    assert served.get("/rules").json() == {"rules": [], "total": 0}
    told = served.get("/rules/history").json()
    assert [(change["did"], change["why"]) for change in told["changes"]] == [("removed", "a mistake"), ("added", "recalled")]
    assert served.get("/rules/history", params={"rule_id": "r2"}).json()["total"] == 0


def test_a_change_in_one_gateway_holds_at_once_in_another(served: TestClient, profile: Profile) -> None:
    other = gateway(profile)
    path = rules_path(profile)
    made = served.post("/rules", json={"kind": "sensitive_category", "category": "racket", "why": "x"}).json()
    assert made["rule_id"] == "r1"
    assert {item["category"][-1] for item in other.get("/ask/substitutes/i1").json()["items"]} == {"balls"}
    served.delete("/rules/r1", params={"why": "x"})
    assert {item["category"][-1] for item in other.get("/ask/substitutes/i1").json()["items"]} == {"balls", "racket"}
    path.write_text("{")
    assert "cannot be read" in other.get("/ask/substitutes/i1").json()["notes"][0]
    refused = gateway(profile).get("/ask/substitutes/i1")
    assert (refused.status_code, refused.json()["error"]) == (503, "RulesUnavailable")
    export_rules(profile)
    assert gateway(profile).get("/ask/substitutes/i1").status_code == 200


@pytest.mark.parametrize(
    ("said", "what", "nearest"),
    [
        ({"item": "racket-red-9"}, "no item is called 'racket-red-9'", "racket-red-1"),
        ({"kind": "sensitive_category", "item": "", "category": "rackt"}, "no category is called 'rackt'", "racket"),
        ({"kind": "pin"}, "needs position", None),
        ({"why": " "}, "why", None),
        ({"why": "x" * 501}, "why", None),
        ({"item": "a\u0000"}, "item", None),
        ({"more": 1}, "more", None),
    ],
)
def test_what_cannot_be_a_rule_is_422_with_the_nearest(served: TestClient, said: dict[str, Any], what: str, nearest: str | None) -> None:
    refused = served.post("/rules", json={**BAN, **said})
    assert refused.status_code == 422
    assert what in refused.json()["what"]
    assert nearest is None or nearest in refused.json()["nearest"]
    assert served.get("/rules").json()["total"] == 0


def test_a_rule_that_does_not_stand_or_for_no_reason_is_not_removed(served: TestClient) -> None:
    assert "no rule r7 stands" in served.delete("/rules/r7", params={"why": "x"}).json()["what"]
    served.post("/rules", json=BAN)
    assert served.delete("/rules/r1").status_code == served.delete("/rules/r1", params={"why": " "}).status_code == 422
    assert served.get("/rules").json()["total"] == 1


def test_rules_are_found_by_words(served: TestClient) -> None:
    served.post("/rules", json=BAN)
    served.post("/rules", json={"kind": "ban", "item": SEED, "why": "Spring"})
    assert [rule["rule_id"] for rule in served.get("/rules", params={"q": "spring"}).json()["rules"]] == ["r2"]
    assert served.get("/rules", params={"k": 1}).json()["total"] == 2
    assert served.get("/rules", params={"k": 1_000}).status_code == 422


def test_a_query_that_is_not_described_is_refused(served: TestClient) -> None:
    for path in ("/rules?query=x", "/rules/history?id=r1"):
        assert served.get(path).status_code == 422


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_sites_page_changes_nothing(served: TestClient, method: str) -> None:
    path = "/rules" if method == "POST" else "/rules/r1?why=x"
    served.post("/rules", json=BAN)
    for site in ("cross-site", "same-site"):
        assert served.request(method, path, json=BAN, headers={"sec-fetch-site": site}).status_code == 422
    assert served.get("/rules").json()["total"] == 1


def test_a_key_without_the_scope_neither_reads_nor_changes_and_the_others_name_is_written_down(profile: Profile) -> None:
    write_items(profile)
    served = gateway(profile, Keys(profile.keys))
    mine = bearer(profile.keys, "rules", name="ada")
    others = bearer(profile.keys, *(scope for scope in SCOPES if scope != "rules"), name="shop")
    for method, path in (("GET", "/rules"), ("GET", "/rules/history"), ("POST", "/rules"), ("DELETE", "/rules/r1?why=x")):
        assert served.request(method, path, headers=others).status_code == 403
        assert served.request(method, path).status_code == 401
    assert served.post("/rules", json=BAN, headers=mine).json()["created_by"] == "ada"
    assert served.get("/ask/substitutes/i1", headers=mine).status_code == 403


def test_a_question_may_bring_a_ranking() -> None:
    features = DictFeatures()
    features.rank("substitute", "i10", [f"i{n}" for n in (1, 3, 5, 7, 9, 2, 4)])
    served = tiny_gateway(features)
    near = served.get("/ask/substitutes/i10", params={"k": 2, "price_band": 0.2, "price_required": True}).json()
    assert [item["item_id"] for item in near["items"]] == ["i9", "i11"]
    mixed = served.get("/ask/substitutes/i10", params={"k": 4, "diversity": 1}).json()
    assert mixed["items"] != served.get("/ask/substitutes/i10", params={"k": 4}).json()["items"]
    assert any("before diversity" in item["reason"] for item in mixed["items"])
    bundle = served.post("/ask/bundle", json={"items": ["i10"], "k": 2, "ranking": {"price_band": 0.2}}).json()
    assert [item["item_id"] for item in bundle["items"]] == ["i9", "i11"]
    for wrong in ({"diversity": 2}, {"price_band": 0}, {"rank_by": "../keys"}, {"rank_by": "margin"}):
        assert served.get("/ask/substitutes/i10", params=wrong).status_code == 422


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), [("/rules", "GET"), ("/rules", "POST"), ("/rules/{rule_id}", "DELETE"), ("/rules/history", "GET")])
def test_whatever_is_sent_the_answer_is_one_that_is_described(profile: Profile, path: str, method: str, mode: GenerationMode) -> None:
    write_items(profile)
    shown = bearer(profile.keys, "rules")
    undescribed: list[Check] = [positive_data_acceptance]  # no schema knows which items there are
    if method == "GET":
        undescribed.append(negative_data_rejection)  # where nothing else can be wrong, it takes away the key that is shown here
    schema = schemathesis.openapi.from_asgi("/openapi.json", build(profile, Keys(profile.keys)))

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=shown, excluded_checks=undescribed)

    holds()
