"""The gateway answers as the client does, and its errors say what to do."""

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from goeswith_client import Client, ClientConfig
from goeswith_client.limits import MAX_K
from serving.gateway.app import build_app
from serving.gateway.limit import MAX_BODY_BYTES
from serving.nearest import NearestIds
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_pictures import picture


def serve(features: DictFeatures | None = None, models: FakeModels | None = None) -> TestClient:
    held = features or DictFeatures()
    client = Client(ClientConfig(), features=held, models=models or FakeModels(rank_all()))
    return TestClient(build_app(client, NearestIds(lambda: sorted(held.known))))


def test_questions_are_answered_as_the_client_does() -> None:
    gateway = serve()
    assert gateway.get("/items/i3").json()["title"] == "item 3"
    answer = gateway.get("/ask/substitutes/i0", params={"k": 2, "in_stock": True, "category": "balls"}).json()
    assert ([item["item_id"] for item in answer["items"]], answer["source"]) == (["i1", "i5"], "model")
    assert gateway.get("/ask/complements/i0").json()["type"] == "complement"
    assert len(gateway.post("/ask/bundle", json={"items": ["i0", "i1"], "k": 3}).json()["items"]) == 3
    assert [item["item_id"] for item in gateway.post("/ask/make-bundle", json={"item": "i0", "size": 2}).json()["items"]] == ["i1"]
    assert gateway.get("/explain/i0/i1").json()["reasons"] == ["no edge and no list holds this pair"]
    assert gateway.get("/health").json()["triton"] is True


def test_many_items_are_answered_in_order_and_the_unknown_ones_are_problems() -> None:
    found = serve().post("/ask/complements", json={"items": ["i0", "i111", "i2"], "k": 2, "filters": {"in_stock": True}}).json()
    assert [(each.get("type"), each.get("error")) for each in found] == [("complement", None), (None, "UnknownItem"), ("complement", None)]
    assert len(found[0]["items"]) == 2


def test_pairs_are_scored() -> None:
    def rank(model: str, values: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        standing = 2.0 if (model, values["type"]) == ("relations", "complement") else -1.0
        return {"item_ids": values["candidates"], "scores": [0.5], "standing": [standing]}

    found = serve(models=FakeModels(rank)).post("/ask/scores", json={"pairs": [["i0", "i1"]]}).json()
    assert found["pairs"] == [
        {
            "src": "i0",
            "dst": "i1",
            "type": "complement",
            "substitute": {"score": 0.5, "standing": -1.0},
            "complement": {"score": 0.5, "standing": 2.0},
        }
    ]


def test_a_picture_travels_as_base64() -> None:
    models = FakeModels(rank_all())
    body = {"title": "red racket", "image": base64.b64encode(picture()).decode(), "type": "complement"}
    assert serve(models=models).post("/ask/new", json=body).status_code == 200
    assert models.asked[0][1]["image"] == picture()


def test_an_unknown_item_is_404_with_the_nearest_ids() -> None:
    refused = serve().get("/ask/substitutes/i111")
    assert refused.status_code == 404
    assert refused.json()["error"] == "UnknownItem"
    assert refused.json()["nearest"][0] in {"i11", "i1"}
    assert refused.json()["remedy"].startswith("did you mean i1")


@pytest.mark.parametrize("k", ["0", "-1", str(MAX_K + 1), str(10**9), "many"])
def test_k_out_of_bounds_is_422_and_named(k: str) -> None:
    refused = serve().get("/ask/substitutes/i0", params={"k": k})
    assert refused.status_code == 422
    assert refused.json()["what"].startswith("k: ")


@pytest.mark.parametrize(
    "body",
    [{"title": "x", "image": "no base64!"}, {}, {"title": "x", "typo": 1}, {"title": "x", "type": "friend"}, {"title": "x", "k": 10**9}],
    ids=["base64", "empty", "unknown field", "type", "k"],
)
def test_a_bad_new_item_is_422_and_says_why(body: dict[str, object]) -> None:
    refused = serve().post("/ask/new", json=body)
    assert refused.status_code == 422
    assert {"error", "what", "remedy", "nearest", "request_id"} == set(refused.json())


def test_no_json_at_all_is_422() -> None:
    assert serve().post("/ask/bundle", content=b"\xff{").status_code == 422


def test_a_bundle_of_too_many_is_422() -> None:
    assert serve().post("/ask/bundle", json={"items": [f"i{n}" for n in range(51)]}).status_code == 422


def test_a_body_that_is_too_large_is_413_whether_it_says_so_or_not() -> None:
    def chunks() -> object:
        for _ in range(MAX_BODY_BYTES // 2**20 + 2):
            yield b"x" * 2**20

    gateway = serve()
    assert gateway.post("/ask/new", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    assert gateway.post("/ask/new", content=chunks()).status_code == 413  # type: ignore[arg-type]  # an iterator of bytes
    assert gateway.post("/ask/new", content=b"x", headers={"content-length": "no number"}).status_code in {400, 413, 422}


def test_with_triton_away_what_only_it_can_answer_is_503() -> None:
    gateway = serve(models=FakeModels())
    for refused in (gateway.post("/ask/new", json={"title": "x"}), gateway.get("/ask/substitutes/i0")):
        assert refused.status_code == 503
        assert "goeswith up" in refused.json()["remedy"]
    assert gateway.get("/health").json()["triton"] is False


def test_old_features_are_503() -> None:
    refused = serve(DictFeatures(age=timedelta(days=30))).get("/ask/substitutes/i0")
    assert (refused.status_code, refused.json()["error"]) == (503, "FreshnessError")


def test_the_interface_is_described() -> None:
    paths = serve().get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health",
        "/ready",
        "/metrics",
        "/items/{item_id}",
        "/ask/substitutes",
        "/ask/complements",
        "/ask/scores",
        "/ask/substitutes/{item_id}",
        "/ask/complements/{item_id}",
        "/ask/bundle",
        "/ask/make-bundle",
        "/ask/new",
        "/explain/{a}/{b}",
    }
    assert "404" in paths["/items/{item_id}"]["get"]["responses"]
