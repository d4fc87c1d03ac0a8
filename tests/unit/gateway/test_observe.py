"""What a request leaves behind: an id, a line, its place in the metrics; nothing about a person."""

import json
import logging
import math
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from goeswith.logs import JsonLines
from goeswith_client import FeaturesUnavailable, State, UnknownItem
from serving.gateway.seen import NO_ROUTE
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_gateway import tiny_app, tiny_gateway

Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(gateway: TestClient) -> Samples:
    families = text_string_to_metric_families(gateway.get("/metrics").text)
    return {(sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples}


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "goeswith.requests"]


def test_a_well_formed_request_id_comes_back_and_stands_in_problems() -> None:
    refused = tiny_gateway().get("/items/nope", headers={"X-Request-ID": "abc-1.2_3"})
    assert (refused.headers["x-request-id"], refused.json()["request_id"]) == ("abc-1.2_3", "abc-1.2_3")


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "x" * 65, "<script>", "a;b", 'a"b', "é"])
def test_any_other_is_replaced(given: str) -> None:
    found = tiny_gateway().get("/health", headers={b"X-Request-ID": given.encode()}).headers["x-request-id"]
    assert found != given
    assert len(found) == 16
    assert found.isalnum()


WRONG = [("GET", "/nowhere", 404), ("DELETE", "/health", 405), ("GET", "/ask/substitutes/i0?k=0", 422), ("POST", "/ask/new", 422)]


@pytest.mark.parametrize(("method", "path", "status"), WRONG)
def test_whatever_goes_wrong_is_a_problem_with_the_requests_id(method: str, path: str, status: int) -> None:
    refused = tiny_gateway().request(method, path)
    assert refused.status_code == status
    assert refused.json()["request_id"] == refused.headers["x-request-id"] != ""


def test_a_bug_of_ours_is_a_problem_too_and_tells_nothing_of_its_insides() -> None:
    features = DictFeatures()
    features.items = lambda _: 1 / 0  # type: ignore[method-assign, assignment, return-value]  # a bug
    failed = TestClient(tiny_app(features), raise_server_exceptions=False).get("/items/i0", headers={"X-Request-ID": "bug-1"})
    assert (failed.status_code, failed.json()["error"], failed.json()["request_id"]) == (500, "ZeroDivisionError", "bug-1")
    assert "division" not in failed.text
    assert failed.headers["x-request-id"] == "bug-1"


def test_a_line_names_the_route_and_no_person(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tiny_gateway().get("/ask/substitutes/i0", params={"k": 2, "brand": "b1"}, headers={"User-Agent": "ada's", "X-Request-ID": "r1"})
    (line,) = lines(caplog)
    assert {name: line[name] for name in ("level", "request_id", "method", "route", "status", "key", "source", "notes")} == {
        "level": "INFO",
        "request_id": "r1",
        "method": "GET",
        "route": "/ask/substitutes/{item_id}",
        "status": 200,
        "key": "",
        "source": "model",
        "notes": 1,
    }
    assert isinstance(line["ms"], float)
    assert int(str(line["bytes"])) > 100
    assert not any(secret in json.dumps(line) for secret in ("i0", "b1", "ada", "testclient"))


def test_a_message_cannot_forge_a_second_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "one\n{two}\u2028three", (), None)
    assert len(JsonLines().format(record).splitlines()) == 1


def test_an_exception_stands_in_its_line() -> None:
    try:
        raise UnknownItem("x")
    except UnknownItem as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), (type(error), error, error.__traceback__))
    assert "UnknownItem" in json.loads(JsonLines().format(record))["trace"]


def test_requests_are_counted_by_template_and_answers_by_source() -> None:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i2"])
    gateway = tiny_gateway(features)
    for item in ("i0", "i1", "i2"):
        gateway.get(f"/ask/substitutes/{item}", params={"k": 1})
    gateway.get("/ask/substitutes/nope")
    found = samples(gateway)
    assert found["goeswith_requests_total", ("GET", "/ask/substitutes/{item_id}", "200")] == 3
    assert found["goeswith_requests_total", ("GET", "/ask/substitutes/{item_id}", "404")] == 1
    assert found["goeswith_request_seconds_count", ("/ask/substitutes/{item_id}",)] == 4
    assert [found["goeswith_answers_total", (source,)] for source in ("precomputed", "model", "content", "category_bestseller")] == [1, 2, 0, 0]
    assert found["goeswith_fallback_notes_total", ()] == 2
    assert found["goeswith_requests_in_flight", ()] == 1


def test_labels_stay_few_whatever_is_asked() -> None:
    gateway = tiny_gateway()
    for n in range(20):
        gateway.request(f"X{n}", f"/nowhere/{n}")
    found = [labels for name, labels in samples(gateway) if name == "goeswith_requests_total"]
    assert found == [("OTHER", NO_ROUTE, "404")]


def test_the_state_of_features_and_breaker_is_read_when_it_is_asked_for() -> None:
    models = FakeModels(rank_all())
    features = DictFeatures(age=timedelta(hours=2))
    gateway = tiny_gateway(features, models)
    found = samples(gateway)
    assert (found["goeswith_breaker_open", ()], round(found["goeswith_features_age_seconds", ()], -1)) == (0, 7200)
    assert found["goeswith_online_store_away", ()] == 0
    features.away = True
    for _ in range(5):
        models.breaker.failed()
    found = samples(gateway)
    assert (found["goeswith_breaker_open", ()], found["goeswith_online_store_away", ()]) == (1, 1)


def test_without_features_their_age_is_no_number() -> None:
    features = DictFeatures()
    gateway = tiny_gateway(features)

    def nothing() -> State:
        raise FeaturesUnavailable("nothing was materialised")

    features.state = nothing  # type: ignore[method-assign]  # as before the first publish
    assert math.isnan(samples(gateway)["goeswith_features_age_seconds", ()])


def test_two_gateways_in_one_process_count_for_themselves() -> None:
    one, two = tiny_gateway(), tiny_gateway()
    one.get("/health")
    assert ("goeswith_requests_total", ("GET", "/health", "200")) not in samples(two)


def test_large_answers_are_compressed_small_ones_not() -> None:
    gateway = tiny_gateway()
    assert gateway.get("/ask/substitutes/i0").headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in gateway.get("/items/i0").headers
    assert "content-encoding" not in gateway.get("/ask/substitutes/i0", headers={"Accept-Encoding": "identity"}).headers


def test_browsers_run_nothing_of_an_answer_and_keep_none() -> None:
    headers = tiny_gateway().get("/items/i0").headers
    assert (headers["x-content-type-options"], headers["cache-control"], headers["x-frame-options"]) == ("nosniff", "no-store", "DENY")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "content-security-policy" not in tiny_gateway().get("/docs").headers


def test_it_is_ready_once_features_and_models_answer() -> None:
    assert tiny_gateway().get("/ready").json()["features"] is True
    for gateway, missing in ((tiny_gateway(models=FakeModels()), "Triton"), (tiny_gateway(DictFeatures(age=timedelta(days=30))), "features")):
        refused = gateway.get("/ready")
        assert (refused.status_code, refused.json()["error"]) == (503, "NotReady")
        assert missing in refused.json()["what"]
        assert gateway.get("/health").status_code == 200


def test_a_model_that_is_missing_is_named() -> None:
    models = FakeModels(rank_all())
    models.ready = lambda: {"relations": True, "bundle": False}  # type: ignore[method-assign]  # one of two
    assert tiny_gateway(models=models).get("/ready").json()["what"] == "not ready: model bundle"
