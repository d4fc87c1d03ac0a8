"""The call boundary to Triton: tensors, retries within one deadline, what each status means."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from goeswith_client import ClientConfig, DeadlineExceeded, ModelRefused, ModelUnavailable
from goeswith_client.published import PublishedModels
from goeswith_client.triton import Inputs, TritonModels

INPUTS = {"item_id": ("BYTES", "é1"), "given": ("BYTES", ["a", "b"]), "k": ("INT32", 3)}


class Found:
    """What Triton's client returns."""

    def as_numpy(self, name: str) -> Any:
        """Return one row."""
        return {"item_ids": np.array([[b"\xc3\xa91", b""]], dtype=object), "scores": np.array([[0.5, 0.0]], dtype=np.float32)}[name]

    def get_response(self) -> Any:
        """Return what names the version."""
        return type("Response", (), {"model_version": "3"})()


class Server:
    """A server that fails with the given statuses, then answers."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.calls: list[tuple[str, list[Any], float]] = []
        self.versions: list[str] = []

    def infer(self, model_name: str, inputs: list[Any], model_version: str, outputs: list[Any], client_timeout: float) -> Found:  # noqa: ARG002 - the boundary's shape
        """Fail or answer."""
        self.calls.append((model_name, inputs, client_timeout))
        self.versions.append(model_version)
        if self.statuses:
            raise InferenceServerException("something happened", self.statuses.pop(0))
        return Found()


def make(server: Server, **config: Any) -> TritonModels:
    models = TritonModels(ClientConfig(**config))
    models.__dict__["_client"] = server
    return models


def test_values_become_tensors_with_a_batch_of_one_and_texts_come_back_decoded() -> None:
    server = Server()
    answer = make(server).infer("relations", INPUTS, ["item_ids", "scores"])
    assert (answer.outputs["item_ids"], answer.outputs["scores"], answer.model_version) == (["é1", ""], [0.5, 0.0], "3")
    tensors = {tensor.name(): (tensor.shape(), tensor.datatype()) for tensor in server.calls[0][1]}
    assert tensors == {"item_id": ([1, 1], "BYTES"), "given": ([1, 2], "BYTES"), "k": ([1, 1], "INT32")}


def test_an_unreachable_server_is_tried_again_within_the_deadline() -> None:
    server = Server("StatusCode.UNAVAILABLE", "StatusCode.UNAVAILABLE")
    assert make(server, retries=2).infer("relations", INPUTS, ["scores"]).model_version == "3"
    assert len(server.calls) == 3
    assert server.calls[2][2] < server.calls[0][2] <= 2.0


def test_retries_are_bounded_and_the_error_names_the_remedy() -> None:
    server = Server(*["StatusCode.UNAVAILABLE"] * 9)
    with pytest.raises(ModelUnavailable, match="goeswith up"):
        make(server, retries=1).infer("relations", INPUTS, ["scores"])
    assert len(server.calls) == 2


def test_after_some_failures_the_breaker_spares_the_wait() -> None:
    server = Server(*["StatusCode.UNAVAILABLE"] * 9)
    models = make(server, retries=0, breaker_failures=2, breaker_reset_s=60)
    for _ in range(4):
        with pytest.raises(ModelUnavailable):
            models.infer("relations", INPUTS, ["scores"])
    assert len(server.calls) == 2


@pytest.mark.parametrize("status", ["StatusCode.DEADLINE_EXCEEDED", "StatusCode.CANCELLED"])
def test_a_deadline_is_not_tried_again(status: str) -> None:
    server = Server(status)
    with pytest.raises(DeadlineExceeded, match="within 2"):
        make(server).infer("relations", INPUTS, ["scores"])
    assert len(server.calls) == 1


def test_a_refusal_is_the_requests_fault_and_leaves_the_breaker_closed() -> None:
    models = make(Server(*["StatusCode.INVALID_ARGUMENT"] * 3), breaker_failures=2)
    for _ in range(3):
        with pytest.raises(ModelRefused, match="something happened"):
            models.infer("relations", INPUTS, ["scores"])
    assert not models.breaker.is_open


def test_a_server_that_is_not_there_is_not_live_and_has_no_ready_model() -> None:
    models = TritonModels(ClientConfig(triton="127.0.0.1:1", deadline_s=0.5, retries=0))
    assert not models.is_live()
    assert not any(models.ready().values())
    with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:1"):
        models.infer("relations", INPUTS, ["scores"])
    models.close()


def published(folder: Path, *, share: float = 0.0, current: int = 1) -> Path:
    """Write a manifest of two versions, the second of which is canary for a share of the queries."""
    ensemble = [{"name": "new_item", "platform": "ensemble"}]
    canary = {"version": 2, "share": share, "names": {"new_item": "new_item_v2"}} if share else None
    versions = [{"version": number, "run": f"m{number}", "models": ensemble} for number in (1, 2)]
    path = folder / f"manifest{share}{current}.json"
    path.write_text(json.dumps({"version": current, "run": f"m{current}", "canary": canary, "versions": versions}))
    return path


def question(item: str, k: int = 3) -> Inputs:
    return {"item_id": ("BYTES", item), "k": ("INT32", k)}


def test_without_a_manifest_no_version_is_named_and_with_one_the_current(tmp_path: Path) -> None:
    for manifest, version in ((None, ""), (published(tmp_path), "1")):
        server = Server()
        make(server, manifest=manifest).infer("relations", INPUTS, ["scores"])
        assert server.versions == [version]


def test_a_share_of_the_items_is_asked_of_the_canary_always_the_same_ones(tmp_path: Path) -> None:
    server = Server()
    models = make(server, manifest=published(tmp_path, share=0.2))
    items = [f"i{n}" for n in range(1000)]
    for k in (3, 50):
        for item in items:
            models.infer("relations", question(item, k), ["scores"])
    first, second = server.versions[:1000], server.versions[1000:]
    assert first == second
    assert 150 < first.count("2") < 250
    assert first.count("1") == 1000 - first.count("2")


def test_who_is_of_a_small_share_is_of_a_larger_one_too(tmp_path: Path) -> None:
    models = {share: PublishedModels(published(tmp_path, share=share)) for share in (0.1, 0.5)}
    asked = {share: {n for n in range(500) if each.canary("relations", f"i{n}")} for share, each in models.items()}
    assert asked[0.1] < asked[0.5]


def test_an_ensemble_is_asked_by_the_name_of_its_version(tmp_path: Path) -> None:
    raw = dict.fromkeys(("title", "description", "brand", "category"), ("BYTES", "x"))
    server = Server()
    make(server, manifest=published(tmp_path, share=1.0)).infer("new_item", raw, ["scores"])
    make(server, manifest=published(tmp_path)).infer("new_item", raw, ["scores"])
    assert [(call[0], version) for call, version in zip(server.calls, server.versions, strict=True)] == [("new_item_v2", "2"), ("new_item", "")]


@pytest.mark.parametrize("status", ["StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED", "StatusCode.INTERNAL"])
def test_where_the_canary_has_no_answer_the_current_version_has(tmp_path: Path, status: str) -> None:
    server = Server(status)
    models = make(server, manifest=published(tmp_path, share=1.0), breaker_failures=1)
    assert models.infer("relations", INPUTS, ["scores"]).outputs["scores"] == [0.5, 0.0]
    assert server.versions == ["2", "1"]
    assert server.calls[0][2] <= 1.0  # half of the time
    assert not models.breaker.is_open


def test_a_version_that_is_current_no_longer_is_asked_for_once(tmp_path: Path) -> None:
    server = Server("StatusCode.UNAVAILABLE")
    make(server, manifest=published(tmp_path)).infer("relations", INPUTS, ["scores"])
    assert server.versions == ["1", ""]


def test_an_answer_names_the_run_of_the_version_that_gave_it(tmp_path: Path) -> None:
    models = PublishedModels(published(tmp_path, share=0.5))
    assert [models.name(known) for known in (None, "1", "2", "m2", "9")] == ["m1/1", "m1/1", "m2/2", "m2/2", "9"]


class SlowServer:
    """A server that answers, or fails, when it is told to; it remembers what it was asked and what was cancelled."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.cancelled = 0
        self.asked = threading.Semaphore(0)

    def async_infer(self, *, callback: Any, **question: Any) -> Any:
        """Take a question in."""
        self.waiting.append((callback, question))
        self.asked.release()
        return type("Call", (), {"cancel": self.cancel})()

    def cancel(self, *_: Any) -> None:
        """Note that nobody waits any more."""
        self.cancelled += 1

    def answer(self, at: int, status: str = "") -> None:
        """Answer the question of that number."""
        self.waiting[at][0](None if status else Found(), InferenceServerException("something happened", status) if status else None)


def hedged(first: SlowServer, other: SlowServer, after_s: float) -> TritonModels:
    models = TritonModels(ClientConfig(hedge_after_s=after_s, hedge_to="elsewhere:1", retries=0))
    models.__dict__.update(_client=first, _other=other)
    return models


def test_who_answers_soon_is_the_only_one_that_is_asked() -> None:
    first, other = SlowServer(), SlowServer()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(hedged(first, other, after_s=60).infer, "relations", INPUTS, ["scores"])
        assert first.asked.acquire(timeout=10)
        first.answer(0)
        assert found.result(10).model_version == "3"
    assert (len(first.waiting), len(other.waiting)) == (1, 0)


@pytest.mark.parametrize("status", ["", "StatusCode.UNAVAILABLE"])
def test_who_is_slow_is_overtaken_by_another_and_not_waited_for(status: str) -> None:
    first, other = SlowServer(), SlowServer()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(hedged(first, other, after_s=0.001).infer, "relations", INPUTS, ["scores"])
        assert other.asked.acquire(timeout=10)
        if status:
            first.answer(0, status)  # one that fails leaves the other its time
        other.answer(0)
        assert found.result(10).model_version == "3"
    assert first.waiting[0][1]["model_name"] == other.waiting[0][1]["model_name"] == "relations"
    assert (first.cancelled, other.cancelled) == (1, 1)


def test_where_both_fail_the_last_failure_is_told() -> None:
    first, other = SlowServer(), SlowServer()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(hedged(first, other, after_s=0.001).infer, "relations", INPUTS, ["scores"])
        assert other.asked.acquire(timeout=10)
        first.answer(0, "StatusCode.UNAVAILABLE")
        other.answer(0, "StatusCode.DEADLINE_EXCEEDED")
        with pytest.raises(DeadlineExceeded):
            found.result(10)
