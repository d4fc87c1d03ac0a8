"""What the last run of ``watch_drift`` measured, for Prometheus: read from the lake at most every few minutes, and never on the way of an answer."""

import logging
import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from fastapi import FastAPI
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from goeswith.catalogue.drift import VERDICTS
from goeswith.drift.history import read_last
from goeswith.errors import GoeswithError
from goeswith.profile import Profile
from serving.gateway.metrics import Metrics

logger = logging.getLogger(__name__)

RECHECK_S = 300.0
LABELS = ("kind", "name", "part")


class DriftGauges(Collector):
    """Gauges of the last measurement. A lake that cannot be read leaves them as they were, and says so in the log."""

    def __init__(self, profile: Profile, recheck_s: float = RECHECK_S) -> None:
        self._profile = profile
        self._recheck_s = recheck_s
        self._reading = Lock()
        self._read_at = float("-inf")
        self._rows: list[dict[str, Any]] = []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; before the first measurement they have no samples."""
        value = GaugeMetricFamily("goeswith_drift", "How far the shop is from what the served models know.", labels=LABELS)
        verdict = GaugeMetricFamily("goeswith_drift_verdict", "-1: too little to say, 0: fine, 1: ticket, 2: training is due.", labels=LABELS)
        measured = GaugeMetricFamily("goeswith_drift_measured_seconds", "When it was measured, in seconds since 1970.")
        for row in self._renewed():
            labels = [row[label] for label in LABELS]
            verdict.add_metric(labels, VERDICTS.index(row["verdict"]) - 1)
            if row["value"] is not None:
                value.add_metric(labels, row["value"])
        if self._rows:
            measured.add_metric([], self._rows[0]["measured_at"].timestamp())
        yield from (value, verdict, measured)

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registering them must not read the lake."""
        return []

    def _renewed(self) -> list[dict[str, Any]]:
        if time.monotonic() - self._read_at >= self._recheck_s and self._reading.acquire(blocking=False):
            try:
                self._rows, self._read_at = self._read(), time.monotonic()
            finally:
                self._reading.release()
        return self._rows

    def _read(self) -> list[dict[str, Any]]:
        try:
            return read_last(self._profile)
        except GoeswithError as error:
            logger.warning("%s", error)
            return self._rows


def add_drift(app: FastAPI, profile: Profile) -> None:
    """Add the gauges to a gateway's metrics."""
    metrics: Metrics = app.state.metrics
    metrics.registry.register(DriftGauges(profile))
