"""What every request passes before a route sees it, from the outside in."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from goeswith.settings import GatewaySettings
from goeswith_client import Client
from serving.gateway.auth import RequireKey, declare_keys
from serving.gateway.keys import Keys
from serving.gateway.limit import MAX_BODY_BYTES, LimitBody
from serving.gateway.metrics import Metrics, add_metrics
from serving.gateway.observe import Observe
from serving.gateway.rates import LimitRate
from serving.gateway.ready import add_ready
from serving.gateway.telemetry import add_traces

GZIP_FROM_BYTES = 1_024
GZIP_LEVEL = 5


def add_guards(app: FastAPI, client: Client, settings: GatewaySettings, keys: Keys) -> None:
    """Add ids, logs, metrics, keys, rate limits, compression, bounds on bodies, traces, and the routes that watch them."""
    metrics = app.state.metrics = Metrics(client)
    # the last one added is the outermost
    app.add_middleware(LimitBody, max_bytes=MAX_BODY_BYTES, seconds=settings.body_s)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(LimitRate, rate=settings.rate)
    app.add_middleware(RequireKey, keys=keys)
    app.add_middleware(Observe, metrics=metrics)
    add_ready(app, client)
    add_metrics(app, metrics)
    declare_keys(app)
    add_traces(app)
