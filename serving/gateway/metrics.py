"""What Prometheus reads at ``/metrics``. Every label has few values: templates of routes, statuses, sources; never an id or a name."""

import math
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from goeswith_client import Client, ClientError
from goeswith_client.answers import SOURCES
from goeswith_client.events import KINDS
from serving.gateway.seen import Seen

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_UNKNOWN, _FORBIDDEN, _LIMITED = 401, 403, 429


class Metrics:
    """The metrics of one gateway, in a registry of their own: two gateways in one process do not meet."""

    def __init__(self, client: Client) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("goeswith_requests", "Requests answered.", ["method", "route", "status"], registry=registry)
        self.seconds = Histogram("goeswith_request_seconds", "Time until an answer was sent.", ["route"], buckets=SECONDS, registry=registry)
        self.in_flight = Gauge("goeswith_requests_in_flight", "Requests being answered.", registry=registry)
        self.answers = Counter("goeswith_answers", "Ranked answers, by where they come from.", ["source"], registry=registry)
        self.notes = Counter("goeswith_fallback_notes", "Steps of the fallback chain that answers passed over.", registry=registry)
        self.limited = Counter("goeswith_rate_limited", "Requests above a rate limit.", registry=registry)
        self.refused = Counter("goeswith_auth_failures", "Requests without a valid key, or without its scope.", ["status"], registry=registry)
        self.events = Counter("goeswith_events", "Events taken, by what happened.", ["kind"], registry=registry)
        self.flagged = Counter("goeswith_events_flagged", "Events of a trial that their unit is not in.", registry=registry)
        self.waiting = Gauge("goeswith_events_waiting_bytes", "Size of the events that the lake does not hold yet.", registry=registry)
        for source in SOURCES:
            self.answers.labels(source)
        for kind in KINDS:
            self.events.labels(kind)
        self._add_state(client)

    def observe(self, seen: Seen) -> None:
        """Count a request that ended."""
        self.requests.labels(seen.method, seen.route, seen.status).inc()
        self.seconds.labels(seen.route).observe(seen.ms / 1000)
        if seen.source:
            self.answers.labels(seen.source).inc()
            self.notes.inc(seen.notes)
        if seen.status == _LIMITED:
            self.limited.inc()
        if seen.status in (_UNKNOWN, _FORBIDDEN):
            self.refused.labels(seen.status).inc()

    def _add_state(self, client: Client) -> None:
        """Add what is looked at when Prometheus asks; none of it asks another server."""
        breaker = Gauge("goeswith_breaker_open", "1 while calls to Triton are refused.", registry=self.registry)
        breaker.set_function(lambda: float(client.models.breaker.is_open))
        age = Gauge("goeswith_features_age_seconds", "Seconds since the served features were released; NaN without any.", registry=self.registry)
        age.set_function(lambda: _features_age(client))
        away = Gauge("goeswith_online_store_away", "1 while answers come from what was read before.", registry=self.registry)
        away.set_function(lambda: float(_reads_nothing(client)))


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Add the route that Prometheus reads."""

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    def read_metrics() -> Response:
        """Return the metrics as Prometheus reads them."""
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4; charset=utf-8")


def _features_age(client: Client) -> float:
    try:
        return (datetime.now(UTC) - client.features.state().released_at).total_seconds()
    except ClientError:
        return math.nan


def _reads_nothing(client: Client) -> bool:
    try:
        return client.features.state().away
    except ClientError:
        return False
