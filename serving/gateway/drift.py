"""What the last run of ``watch_drift`` measured, for Prometheus."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from goeswith.catalogue.drift import VERDICTS
from goeswith.drift.history import read_last
from goeswith.profile import Profile
from serving.gateway.metrics import Metrics
from serving.gateway.reread import RECHECK_S, Reread

LABELS = ("kind", "name", "part")


class DriftGauges(Collector):
    """Gauges of the last measurement."""

    def __init__(self, profile: Profile, recheck_s: float = RECHECK_S) -> None:
        self._rows = Reread[list[dict[str, Any]]](lambda: read_last(profile), [], recheck_s)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; before the first measurement they have no samples."""
        value = GaugeMetricFamily("goeswith_drift", "How far the shop is from what the served models know.", labels=LABELS)
        verdict = GaugeMetricFamily("goeswith_drift_verdict", "-1: too little to say, 0: fine, 1: ticket, 2: training is due.", labels=LABELS)
        measured = GaugeMetricFamily("goeswith_drift_measured_seconds", "When it was measured, in seconds since 1970.")
        rows = self._rows.get()
        for row in rows:
            labels = [row[label] for label in LABELS]
            verdict.add_metric(labels, VERDICTS.index(row["verdict"]) - 1)
            if row["value"] is not None:
                value.add_metric(labels, row["value"])
        if rows:
            measured.add_metric([], rows[0]["measured_at"].timestamp())
        yield from (value, verdict, measured)

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registering them must not read the lake."""
        return []


def add_drift(app: FastAPI, profile: Profile) -> None:
    """Add the gauges to a gateway's metrics."""
    metrics: Metrics = app.state.metrics
    metrics.registry.register(DriftGauges(profile))
