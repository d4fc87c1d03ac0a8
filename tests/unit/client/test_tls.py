"""TLS and mutual TLS between the client and Triton, with a gRPC server that speaks Triton's protocol."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from goeswith_client import ClientConfig, ModelUnavailable, Tls
from goeswith_client.triton import TritonModels
from tests.tiny_certificates import Authority, Signed


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated, without types
    """Is live, has every model, and scores everything with a half."""

    def ServerLive(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        return service_pb2.ServerLiveResponse(live=True)

    def ModelReady(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelInfer(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="3")
        answer.outputs.add(name="scores", datatype="FP32", shape=[1, 1])
        answer.raw_output_contents.append(np.array([0.5], dtype=np.float32).tobytes())
        return answer


@contextmanager
def triton(server: Signed, clients_ca: str | None = None) -> Iterator[str]:
    """Serve over TLS; with ``clients_ca`` each client must show a certificate that it signed."""
    pair = (Path(server.key).read_bytes(), Path(server.certificate).read_bytes())
    roots = Path(clients_ca).read_bytes() if clients_ca else None
    credentials = grpc.ssl_server_credentials([pair], root_certificates=roots, require_client_auth=clients_ca is not None)
    serving = grpc.server(ThreadPoolExecutor(2))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(), serving)
    port = serving.add_secure_port("127.0.0.1:0", credentials)
    serving.start()
    yield f"127.0.0.1:{port}"
    serving.stop(None).wait()


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def shown(ca: str, signed: Signed) -> Tls:
    return Tls(root_certificates=Path(ca), private_key=Path(signed.key), certificate_chain=Path(signed.certificate))


def score(where: str, tls: Tls | None) -> float:
    models = TritonModels(ClientConfig(triton=where, tls=tls, deadline_s=5, retries=0))
    try:
        return float(models.infer("relations", {"k": ("INT32", 1)}, ["scores"]).outputs["scores"][0])
    finally:
        models.close()


def test_over_tls_the_server_is_asked_if_our_authority_signed_it(ours: Authority, tmp_path: Path) -> None:
    others = Authority(tmp_path, "others")
    with triton(ours.sign("triton")) as where:
        assert score(where, Tls(root_certificates=Path(ours.ca))) == 0.5
        models = TritonModels(ClientConfig(triton=where, tls=Tls(root_certificates=Path(ours.ca))))
        assert models.is_live()
        assert all(models.ready().values())
        models.close()
        for wrong in (Tls(root_certificates=Path(others.ca)), None):
            with pytest.raises(ModelUnavailable):
                score(where, wrong)


def test_over_mutual_tls_it_answers_those_alone_who_show_a_certificate_of_our_authority(ours: Authority, tmp_path: Path) -> None:
    others = Authority(tmp_path, "others")
    with triton(ours.sign("triton"), clients_ca=ours.ca) as where:
        mine, foreign = shown(ours.ca, ours.sign("gateway")), shown(ours.ca, others.sign("stranger"))
        assert score(where, mine) == 0.5
        for wrong in (Tls(root_certificates=Path(ours.ca)), foreign):
            with pytest.raises(ModelUnavailable):
                score(where, wrong)


def test_a_certificate_that_is_not_there_is_named() -> None:
    models = TritonModels(ClientConfig(tls=Tls(root_certificates=Path("/nowhere/ca.pem")), retries=0))
    with pytest.raises(ModelUnavailable, match=r"/nowhere/ca\.pem"):
        models.infer("relations", {"k": ("INT32", 1)}, ["scores"])
    assert not models.is_live()
