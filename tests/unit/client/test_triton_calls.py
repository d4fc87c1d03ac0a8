"""The call boundary to Triton: tensors, retries within one deadline, what each status means."""

from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from goeswith_client import ClientConfig, DeadlineExceeded, ModelRefused, ModelUnavailable
from goeswith_client.triton import TritonModels

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

    def infer(self, model: str, inputs: list[Any], model_version: str, outputs: list[Any], client_timeout: float) -> Found:  # noqa: ARG002 - the boundary's shape
        """Fail or answer."""
        self.calls.append((model, inputs, client_timeout))
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
