"""Traces by OpenTelemetry, where its environment says whereto: ``OTEL_EXPORTER_OTLP_ENDPOINT`` and its siblings."""

import os
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from goeswith import __version__
from goeswith.errors import EnvironmentMissing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = "/health$,/ready$,/metrics$"
_PERSONAL = frozenset(
    {"http.target", "http.url", "http.user_agent", "net.peer.ip", "net.peer.port"}
    | {"url.path", "url.query", "url.full", "client.address", "client.port", "user_agent.original"}
)
"""What the instrumentation writes down of a request, by its older and newer conventions: ids, queries, addresses, agents."""


def add_traces(app: FastAPI, exporter: "SpanExporter | None" = None) -> None:
    """Send a span of each request to an exporter, or to the endpoint of the environment; without either, nothing.

    Raises ``EnvironmentMissing`` where an endpoint is set and OpenTelemetry is not installed.
    """
    if exporter is None and not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        _instrument(app, exporter)
    except ImportError as error:
        remedy = f"uv sync --extra telemetry, or unset {ENDPOINTS[0]}"
        raise EnvironmentMissing(f"traces are asked for, but {error.name} is not installed", remedy) from error


def _instrument(app: FastAPI, exporter: "SpanExporter | None") -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "goeswith-gateway", SERVICE_VERSION: __version__}))
    provider.add_span_processor(SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, server_request_hook=_forget_caller, exclude_spans=["send", "receive"], excluded_urls=UNTRACED
    )


def _forget_caller(span: "Span", _scope: MutableMapping[str, Any]) -> None:
    """Take out of a span what its route's template does not say: as in logs, nothing about a person."""
    for name in _PERSONAL & set(getattr(span, "attributes", None) or {}):
        span.set_attribute(name, "")
