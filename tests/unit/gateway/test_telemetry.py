"""Traces: one span a request, by its route's template, and nothing about who asked what."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from goeswith.errors import EnvironmentMissing
from goeswith.profile import PROJECT_ROOT
from serving.gateway.telemetry import ENDPOINTS, add_traces
from tests.tiny_gateway import tiny_app


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)


def test_a_request_is_a_span_of_its_callers_trace() -> None:
    spans, app = InMemorySpanExporter(), tiny_app()
    add_traces(app, spans)
    gateway = TestClient(app)
    gateway.get("/ask/substitutes/i0?brand=b1", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "User-Agent": "ada's"})
    gateway.get("/health")
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /ask/substitutes/{item_id}"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "a" * 32
    said = " ".join(map(str, (span.attributes or {}).values()))
    assert "/ask/substitutes/{item_id}" in said
    assert not any(secret in said for secret in ("i0", "b1", "ada", "testclient"))
    assert span.resource.attributes["service.name"] == "goeswith-gateway"


def test_an_endpoint_of_the_environment_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    got: Queue[tuple[str, bytes]] = Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINTS[0], f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        assert TestClient(tiny_app()).get("/items/i3").status_code == 200
        path, sent = got.get(timeout=20)
        collector.shutdown()
    assert path == "/v1/traces"
    assert b"GET /items/{item_id}" in sent
    assert b"i3" not in sent


def test_without_an_endpoint_nothing_is_imported() -> None:
    code = "import sys; from tests.tiny_gateway import tiny_app; tiny_app(); print('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT).stdout == "False\n"


def test_an_endpoint_without_the_packages_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.fastapi", None)
    with pytest.raises(EnvironmentMissing, match="--extra telemetry"):
        tiny_app()
