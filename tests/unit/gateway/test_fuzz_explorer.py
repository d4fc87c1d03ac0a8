"""The Explorer's routes, too: whatever is sent to them, the answer is one that is described."""

import shutil
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from goeswith import lake
from goeswith.profile import Profile, load_profile
from goeswith.settings import GatewaySettings
from goeswith_client import Client, ClientConfig
from serving.gateway.app import build_app
from serving.gateway.explorer import add_explorer
from serving.gateway.keys import SCOPES, Keys
from serving.nearest import NearestIds
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_features import write_tiny_features
from tests.tiny_gateway import bearer, tiny_app

BOUNDED = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
CHANGED = ("/rules", "/rules/history", "/rules/{rule_id}")
"""Routes that change something, and are fuzzed by themselves."""
ROUTES = ("/search", "/pictures/{reference}", "/dashboard")


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> tuple[FastAPI, dict[str, str]]:
    """Return the gateway with the Explorer over the tiny lake, and the header with a key for all of it."""
    home = tmp_path_factory.mktemp("explorer")
    profile = load_profile(overrides={"home": home})
    write_tiny_features(profile)
    shown = bearer(home / "keys.json", *SCOPES)
    client = Client(ClientConfig(), features=DictFeatures(), models=FakeModels(rank_all()))
    app = build_app(client, NearestIds(list), GatewaySettings(rate="900000000/second"), Keys(home / "keys.json"))
    add_explorer(app, client, profile)
    return app, shown


def test_these_are_all_routes_of_the_explorer(explorer: tuple[FastAPI, dict[str, str]]) -> None:
    assert set(explorer[0].openapi()["paths"]) - set(tiny_app().openapi()["paths"]) == {*ROUTES, *CHANGED}


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        *((route, GenerationMode.POSITIVE) for route in ROUTES),
        ("/search", GenerationMode.NEGATIVE),
        ("/pictures/{reference}", GenerationMode.NEGATIVE),
    ],
)
def test_every_answer_is_one_that_is_described(explorer: tuple[FastAPI, dict[str, str]], route: str, mode: GenerationMode) -> None:
    app, shown = explorer
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[route]["GET"]

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=shown, excluded_checks=[positive_data_acceptance])

    holds()


@pytest.mark.parametrize("path", ["../../keys.json", "..%2f..%2fkeys.json", "%2e%2e/keys.json", "ab/" + "0" * 64 + ".svg", "ab\x00"])
def test_no_reference_leads_out_of_the_picture_store(explorer: tuple[FastAPI, dict[str, str]], path: str) -> None:
    answer = TestClient(explorer[0]).get(f"/pictures/{path.replace(chr(0), '%00')}", headers=explorer[1])
    assert answer.status_code in {403, 404}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/search?q=racket", "/dashboard"])
def test_a_table_that_is_away_is_said_and_declared(profile: Profile, path: str) -> None:
    write_tiny_features(profile)
    client = Client(ClientConfig(), features=DictFeatures(), models=FakeModels(rank_all()))
    app = build_app(client, NearestIds(list))
    add_explorer(app, client, profile)
    shutil.rmtree(lake.table_uri(profile, "items"))
    refused = TestClient(app, raise_server_exceptions=False).get(path)
    assert refused.status_code == 503
    assert refused.json()["remedy"]
