"""The models behind Triton: one long-lived gRPC channel, a deadline on each call, few retries, a breaker."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from goeswith_client.breaker import Breaker
from goeswith_client.config import ClientConfig, Tls
from goeswith_client.errors import DeadlineExceeded, ModelRefused, ModelUnavailable
from goeswith_client.hedging import infer_hedged
from goeswith_client.limits import BACKOFF_S
from goeswith_client.published import Asked, PublishedModels

MODELS = ("item_preprocess", "item_encoder", "relations", "bundle", "new_item")

Inputs = Mapping[str, tuple[str, Any]]
"""Input name -> (Triton type, value): values without the batch dimension, texts as str or bytes."""
ASKED_ABOUT = ("item_id", "given", "title", "description", "brand", "category")
"""The inputs that say what a question is about; the others say how much of the answer is wanted."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """Outputs by name, without the batch dimension, and the version of the model that gave them."""

    outputs: Mapping[str, Sequence[Any]]
    model_version: str


class Models(Protocol):
    """What the client asks of a model server."""

    def infer(self, model: str, inputs: Inputs, outputs: Sequence[str]) -> ModelAnswer:
        """Ask a model. Raises ``ModelUnavailable``, ``DeadlineExceeded`` or ``ModelRefused``."""

    def is_live(self) -> bool:
        """Return whether the server answers."""

    def ready(self) -> dict[str, bool]:
        """Return which models are ready."""

    @property
    def breaker(self) -> Breaker:
        """The breaker in front of the server."""


class TritonModels:
    """Models in Triton over gRPC (KServe v2). Thread-safe: gRPC multiplexes calls on its one channel."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._published = PublishedModels(config.manifest)
        self.breaker = Breaker(config.breaker_failures, config.breaker_reset_s)

    @cached_property
    def _client(self) -> Any:
        return self._open(self._config.triton)

    @cached_property
    def _other(self) -> Any:
        """Return where a question is asked that the first does not answer soon."""
        return self._open(self._config.hedge_to) if self._config.hedge_to else self._client

    def _open(self, where: str) -> Any:
        from tritonclient.grpc import InferenceServerClient

        tls = self._config.tls
        return InferenceServerClient(where, ssl=tls is not None, creds=_read_credentials(tls) if tls else None)

    def close(self) -> None:
        """Close the channels."""
        for name in ("_client", "_other"):
            if name in self.__dict__:
                getattr(self, name).close()

    def is_live(self) -> bool:
        """Return whether the server answers within the deadline."""
        return self._says("is_server_live", time.monotonic() + self._config.deadline_s)

    def ready(self) -> dict[str, bool]:
        """Return which models are ready; none where the server is away. All of it within one deadline."""
        until = time.monotonic() + self._config.deadline_s
        live = self._says("is_server_live", until)
        return {name: live and self._says("is_model_ready", until, name) for name in MODELS}

    def _says(self, question: str, until: float, *names: str) -> bool:
        from tritonclient.utils import InferenceServerException

        try:
            return bool(getattr(self._client, question)(*names, client_timeout=max(until - time.monotonic(), 0.001)))
        except (InferenceServerException, ModelUnavailable):
            return False

    def infer(self, model: str, inputs: Inputs, outputs: Sequence[str]) -> ModelAnswer:
        """Ask a model; reads are idempotent, so an unreachable server is tried again within the one deadline.

        A query of the canary's share goes to the canary first, which has half of the time: where it has no answer, the current version has.
        """
        until = time.monotonic() + self._config.deadline_s
        canary = self._published.canary(model, _subject(inputs))
        if canary and not self.breaker.is_open:
            with suppress(ModelUnavailable, DeadlineExceeded, ModelRefused):
                return self._once(canary, inputs, outputs, time.monotonic() + self._config.deadline_s / 2)
        return self._current(model, inputs, outputs, until)

    def _current(self, model: str, inputs: Inputs, outputs: Sequence[str], until: float) -> ModelAnswer:
        asked = self._published.current(model)
        for attempt in range(self._config.retries + 1):
            if not self.breaker.allow():
                break
            try:
                return self._once(asked, inputs, outputs, until)
            except (ModelUnavailable, DeadlineExceeded) as error:
                self.breaker.failed()
                pause = BACKOFF_S * 2**attempt
                if isinstance(error, DeadlineExceeded) or attempt == self._config.retries or time.monotonic() + pause >= until:
                    raise
                time.sleep(pause)
                asked = Asked(model)  # the version may have been current a moment ago
        raise ModelUnavailable(f"Triton at {self._config.triton} did not answer lately", "start it: goeswith up")

    def _once(self, asked: Asked, inputs: Inputs, outputs: Sequence[str], until: float) -> ModelAnswer:
        from tritonclient.grpc import InferRequestedOutput
        from tritonclient.utils import InferenceServerException

        wanted = [InferRequestedOutput(name) for name in outputs]
        try:
            left = max(until - time.monotonic(), 0.001)
            question = {"model_name": asked.model, "inputs": _as_tensors(inputs), "model_version": asked.version, "outputs": wanted}
            found = self._ask({**question, "client_timeout": left})
        except InferenceServerException as error:
            raise self._meaning(asked.model, error) from error
        self.breaker.succeeded()
        return ModelAnswer({name: _plain(found.as_numpy(name)) for name in outputs}, found.get_response().model_version)

    def _ask(self, question: Mapping[str, Any]) -> Any:
        after_s = self._config.hedge_after_s
        return self._client.infer(**question) if after_s is None else infer_hedged((self._client, self._other), after_s, question)

    def _meaning(self, model: str, error: Any) -> ModelUnavailable | DeadlineExceeded | ModelRefused:
        status = str(error.status() or "")
        where = f"Triton at {self._config.triton}"
        if "UNAVAILABLE" in status or "unknown model" in str(error.message()):
            return ModelUnavailable(f"{where} does not serve {model!r}: {error.message()}", "start it: goeswith up")
        if "DEADLINE" in status or "CANCELLED" in status:
            return DeadlineExceeded(f"{model!r} did not answer within {self._config.deadline_s} s", "raise deadline_s, or ask again")
        self.breaker.succeeded()
        return ModelRefused(f"{model!r} refused the request: {error.message()}", "check ids, type and picture")


def _read_credentials(tls: Tls) -> Any:
    import grpc

    files = (tls.root_certificates, tls.private_key, tls.certificate_chain)
    try:
        return grpc.ssl_channel_credentials(*(path.read_bytes() if path else None for path in files))
    except OSError as error:
        raise ModelUnavailable(f"a certificate for Triton cannot be read: {error}", "correct the paths in ClientConfig.tls") from error


def _subject(inputs: Inputs) -> str:
    """Return what a question is about: one item, the first of the given ones, or a new one's texts."""
    values = [inputs[name][1] for name in ASKED_ABOUT if name in inputs]
    return "\0".join(str(value[0] if isinstance(value, list) else value) for value in values)


def _as_tensors(inputs: Inputs) -> list[Any]:
    import numpy as np
    from tritonclient.grpc import InferInput
    from tritonclient.utils import triton_to_np_dtype

    tensors = []
    for name, (kind, value) in inputs.items():
        values = value if isinstance(value, list) else [value]
        raw = [v.encode() if isinstance(v, str) else v for v in values]
        array = np.array([raw], dtype=triton_to_np_dtype(kind))
        tensor = InferInput(name, list(array.shape), kind)
        tensor.set_data_from_numpy(array)
        tensors.append(tensor)
    return tensors


def _plain(array: Any) -> list[Any]:
    row = array[0].tolist()
    return [value.decode(errors="replace") if isinstance(value, bytes) else value for value in row]
