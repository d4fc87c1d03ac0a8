"""Whatever is sent to the described interface, the answer is one that it describes, and never a bug of ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from goeswith.settings import GatewaySettings
from serving.gateway.keys import SCOPES, Keys
from tests.tiny_client import FakeModels, rank_all
from tests.tiny_gateway import bearer, tiny_app, tiny_gateway

OFTEN = GatewaySettings(rate="900000000/second")
Check = Callable[[schemathesis.CheckContext, schemathesis.Response, schemathesis.Case[Any]], bool | None]
BOUNDED = settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
PATHS = tiny_app().openapi()["paths"]
QUESTIONS = [(path, method) for path, methods in PATHS.items() for method, said in methods.items() if {"parameters", "requestBody"} & set(said)]
UNDESCRIBED: list[Check] = [positive_data_acceptance]
"""A schema cannot say that a new item needs a text or a picture, nor what base64 of a JPEG is."""


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("models", [FakeModels(rank_all()), FakeModels()], ids=["all answers", "Triton is away"])
@pytest.mark.parametrize(("path", "method"), QUESTIONS)
def test_every_answer_is_one_that_is_described(tmp_path: Path, path: str, method: str, models: FakeModels, mode: GenerationMode) -> None:
    keys = tmp_path / "keys.json"
    shown = bearer(keys, *SCOPES)
    schema = schemathesis.openapi.from_asgi("/openapi.json", tiny_app(models=models, settings=OFTEN, keys=Keys(keys)))
    left_out = UNDESCRIBED if models.is_live() else [*UNDESCRIBED, not_a_server_error]  # 503 is described, 500 is not

    @BOUNDED
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=shown, excluded_checks=left_out)

    holds()


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_what_watches_answers_as_described(tmp_path: Path, path: str) -> None:
    keys = tmp_path / "keys.json"
    shown = bearer(keys, "metrics")
    schemathesis.openapi.from_asgi("/openapi.json", tiny_app(keys=Keys(keys)))[path]["GET"].Case().call_and_validate(headers=shown)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
NAMES = st.sampled_from(["items", "item", "pairs", "events", "kind", "title", "image", "k", "size", "budget", "filters", "type", "max_price"])


@pytest.fixture(scope="module")
def gateway() -> TestClient:
    return tiny_gateway(settings=OFTEN)


BODIES = ("/ask/bundle", "/ask/make-bundle", "/ask/new", "/ask/substitutes", "/ask/complements", "/ask/scores", "/events", "/offers")


@pytest.mark.parametrize("path", BODIES)
@settings(BOUNDED, max_examples=40)
@given(body=st.dictionaries(NAMES | st.text(), JSON) | JSON)
def test_any_json_is_answered_or_refused(gateway: TestClient, path: str, body: object) -> None:
    sent = json.dumps(body).encode()  # NaN, Infinity and halves of characters included, as no careful client sends them
    assert gateway.post(path, content=sent, headers={"Content-Type": "application/json"}).status_code in {200, 404, 422}


HARDLY_JSON = {
    "no utf-8": b"\xff\xfe{",
    "surrogate": b'{"items": ["\\ud800"]}',
    "surrogate name": b'{"\\ud800": 1}',
    "surrogate filter": b'{"items": ["i0"], "filters": {"category": "\\udfff"}}',
    "endless k": b'{"items": ["i0"], "k": 1' + b"0" * 5_000 + b"}",
    "NaN": b'{"items": ["i0"], "k": NaN}',
    "Infinity": b'{"items": ["i0"], "filters": {"max_price": Infinity}}',
    "deep": b"[" * 100_000,
    "deep names": b'{"a":' * 50_000,
    "many names": b"{" + b",".join(b'"f%d": 1' % n for n in range(20_000)) + b"}",
    "gzip bomb": b"\x1f\x8b\x08\x00" + b"\0" * 1_000,
}


@pytest.mark.parametrize("body", HARDLY_JSON.values(), ids=list(HARDLY_JSON))
def test_what_is_hardly_json_is_refused_in_few_words(gateway: TestClient, body: bytes) -> None:
    for path in BODIES:
        refused = gateway.post(path, content=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
        assert refused.status_code in {400, 422}
        assert len(refused.content) < 2_000


BROKEN = ["%00", "%0d%0aSet-Cookie:%20a=b", "%ff%fe", "%ed%a0%80", "a%1b[2J", "x" * 257]
FOREIGN = ["..%2f..%2fetc", "%f0%9f%a6%84", "%25s", "'--", "$%7bjndi:x%7d"]


@pytest.mark.parametrize("item", [*BROKEN, *FOREIGN])
def test_odd_ids_are_unknown_or_refused_and_reach_no_header(gateway: TestClient, item: str) -> None:
    for path in (f"/items/{item}", f"/ask/substitutes/{item}", f"/explain/i0/{item}"):
        refused = gateway.get(path)
        assert refused.status_code in {404, 422}
        assert "set-cookie" not in refused.headers


NO_NUMBERS = ["k=%ff", "max_price=nan", "max_price=inf", "max_price=-0.1", "k=1&k=2&k=x", "k=1.5", "per_category=1" + "0" * 5_000, "%00=1"]


@pytest.mark.parametrize("query", NO_NUMBERS)
def test_odd_queries_are_refused(gateway: TestClient, query: str) -> None:
    assert gateway.get(f"/ask/substitutes/i0?{query}").status_code == 422


def test_bytes_that_are_no_text_are_a_brand_that_nobody_has(gateway: TestClient) -> None:
    assert gateway.get("/ask/substitutes/i0?brand=%ed%a0%80").json()["items"] == []
