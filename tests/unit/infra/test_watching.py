"""Alerts and dashboards ask for metrics that there are, and every alert has its lines in the runbook and its test."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from goeswith.profile import PROJECT_ROOT
from goeswith.settings import GatewaySettings
from goeswith_client.answers import SOURCES
from tests.tiny_gateway import tiny_app

PROMETHEUS = PROJECT_ROOT / "infra" / "prometheus"
DASHBOARDS = sorted((PROJECT_ROOT / "infra" / "grafana" / "dashboards").glob("*.json"))
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
RUNBOOK = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
TRITON = {
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_request_summary_us",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_pending_request_count",
    "nv_gpu_utilization",
    "nv_gpu_memory_used_bytes",
}
"""What Triton's own page on metrics names, of what we ask for."""


def questions() -> Iterator[str]:
    yield from (alert["expr"] for alert in ALERTS)
    for path in DASHBOARDS:
        yield from (target["expr"] for panel in json.loads(path.read_text(encoding="utf-8"))["panels"] for target in panel["targets"])


def asked(prefix: str) -> set[str]:
    return {name for question in questions() for name in re.findall(rf"\b{prefix}_\w+", re.sub(r'"[^"]*"', "", question))}


def test_the_gateway_has_every_metric_that_is_asked_for() -> None:
    families = tiny_app().state.metrics.registry.collect()
    there = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]}
    assert len(asked("goeswith")) > 8
    assert asked("goeswith") - there == set()


def test_triton_has_every_metric_that_is_asked_for() -> None:
    assert asked("nv") == TRITON


def test_every_source_that_is_asked_for_is_one_of_an_answer() -> None:
    named = {source for question in questions() for source in re.findall(r'source="(\w+)"', question)}
    assert named
    assert named <= {*SOURCES}


def test_routes_that_are_asked_for_are_the_gateways() -> None:
    routes = [getattr(route, "path", "") for route in tiny_app().routes]
    patterns = {pattern for question in questions() for pattern in re.findall(r'route=~"([^"]+)"', question)}
    assert patterns
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, route) for route in routes)] == []


def test_the_alert_of_waiting_events_knows_when_they_are_refused() -> None:
    expression = next(alert["expr"] for alert in ALERTS if alert["alert"] == "GoeswithEventsWaiting")
    assert f"{GatewaySettings().events_mb} * 1024 * 1024" in expression


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_is_in_the_runbook_and_tested(alert: dict[str, Any]) -> None:
    heading = re.search(rf"^### {alert['alert']}\n\n(.+)", RUNBOOK, re.MULTILINE)
    assert heading
    assert len(heading[1]) > 80
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
    assert alert["labels"]["severity"] in ("page", "ticket")
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    fires = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert["alert"] and case["exp_alerts"]]
    assert fires


def test_panels_do_not_lie_on_each_other() -> None:
    for path in DASHBOARDS:
        cells = [
            (x, y)
            for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len({*cells})
        assert max(x for x, _ in cells) < 24
