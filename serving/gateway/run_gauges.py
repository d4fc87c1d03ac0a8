"""What the last run of each step did and took, for Prometheus: from the records in the home."""

from collections.abc import Iterator

from fastapi import FastAPI
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from goeswith.profile import Profile
from goeswith.run_history import Step, last_steps
from serving.gateway.metrics import Metrics
from serving.gateway.reread import RECHECK_S, Reread

RUNS = 50
"""Of so many runs, the newest; a step that none of them did has no gauge."""
STEP = {
    "seconds": "Seconds that the step took.",
    "cpu_seconds": "Seconds of processors that it took.",
    "gpu_seconds": "Seconds for which it held a GPU, times their number.",
    "rows": "Rows that it wrote.",
    "tokens": "Tokens that a judge read and wrote.",
    "cost": "What the judge cost, in the currency of its prices.",
}


class RunGauges(Collector):
    """Gauges of the last time that each step ended; before the first run they have no samples."""

    def __init__(self, profile: Profile, recheck_s: float = RECHECK_S) -> None:
        self._steps = Reread[dict[str, Step]](lambda: last_steps(profile, RUNS), {}, recheck_s)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        steps = self._steps.get()
        yield from _of_steps(steps)
        yield _of_sources(steps.get("ingest"))

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registering them must not read the home."""
        return []


def _of_steps(steps: dict[str, Step]) -> Iterator[GaugeMetricFamily]:
    ended = GaugeMetricFamily("goeswith_step_ended_seconds", "When the step ended last, in seconds since 1970.", labels=("step",))
    failed = GaugeMetricFamily("goeswith_step_failed", "1 where the step failed when it ended last.", labels=("step",))
    for name, step in steps.items():
        ended.add_metric([name], step.ended_at.timestamp())
        failed.add_metric([name], float(step.error is not None))
    yield from (ended, failed)
    for figure, meaning in STEP.items():
        gauge = GaugeMetricFamily(f"goeswith_step_{figure}", meaning, labels=("step",))
        for name, step in steps.items():
            if getattr(step, figure) is not None:
                gauge.add_metric([name], float(getattr(step, figure)))
        yield gauge


def _of_sources(ingest: Step | None) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily("goeswith_source_rows", "Rows of the last import, by what became of them.", labels=("table", "outcome"))
    counted = ingest.summary.get("rows", {}) if ingest else {}
    for table, counts in counted.items():
        for outcome, rows in counts.items():
            gauge.add_metric([table, outcome], float(rows))
    return gauge


def add_run_gauges(app: FastAPI, profile: Profile) -> None:
    """Add the gauges to a gateway's metrics."""
    metrics: Metrics = app.state.metrics
    metrics.registry.register(RunGauges(profile))
