"""The chart's values: what is shipped fits its own schema and the profile, and what would be unsafe is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from goeswith.command.run import DAGS, OTHER_DAGS
from goeswith.profile import PROJECT_ROOT, load_profile

CHART = PROJECT_ROOT / "infra" / "helm" / "goeswith"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = Draft7Validator(json.loads((CHART / "values.schema.json").read_text(encoding="utf-8")))


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As helm does: mappings are joined, all else is replaced."""
    both = {key: merged(base[key], over[key]) for key in base.keys() & over.keys() if isinstance(base[key], dict) and isinstance(over[key], dict)}
    return {**base, **over, **both}


def problems(values: Mapping[str, Any]) -> list[str]:
    return [error.json_path for error in SCHEMA.iter_errors(values)]


@pytest.mark.parametrize("name", ["minimal", "gpu", "full"])
def test_shipped_values_are_legal(name: str) -> None:
    assert problems(merged(VALUES, yaml.safe_load((CHART / "ci" / f"{name}.yaml").read_text(encoding="utf-8")))) == []


REFUSED = [
    ({"gateways": {}}, "$"),
    ({"triton": {"replicas": 2}}, "$.triton"),
    ({"images": {"gateway": "goeswith-gateway"}}, "$.images.gateway"),
    ({"images": {"gateway": "goeswith-gateway:latest"}}, "$.images.gateway"),
    ({"settings": {"GOESWITH_USER_HASH_KEY": "x"}}, "$.settings"),
    ({"runs": {"nightly": {"dag": "nope", "schedule": "@daily", "suspend": False, "gpu": False, "params": {}}}}, "$.runs.nightly.dag"),
    ({"gateway": {"rate": "fast"}}, "$.gateway.rate"),
    ({"network": {"runsTo": ["everywhere"]}}, "$.network.runsTo[0]"),
]


@pytest.mark.parametrize(("over", "where"), REFUSED, ids=[where for _, where in REFUSED])
def test_what_is_unknown_unpinned_or_secret_is_refused(over: Mapping[str, Any], where: str) -> None:
    assert where in problems(merged(VALUES, over))


def test_every_dag_that_is_run_exists() -> None:
    assert {run["dag"] for run in VALUES["runs"].values()} <= {*DAGS, *OTHER_DAGS}
    allowed = SCHEMA.schema["properties"]["runs"]["additionalProperties"]["properties"]["dag"]["enum"]
    assert {*allowed} == {*DAGS, *OTHER_DAGS}


def test_settings_are_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    template = (CHART / "templates" / "configmap.yaml").read_text(encoding="utf-8")
    assert "GOESWITH_TRITON__GRPC_PORT" in template
    for line in template.splitlines():
        key, _, value = line.strip().partition(": ")
        if key.startswith("GOESWITH_") and "{{" not in value:
            monkeypatch.setenv(key, value.strip('"'))
    for key, value in VALUES["settings"].items():
        monkeypatch.setenv(key, value)
    profile = load_profile(VALUES["profile"])
    assert (profile.triton.grpc_port, profile.triton.metrics_port, profile.gateway.port) == (8001, 8002, 8780)
    assert profile.spark.master == "local[4]"


def test_what_the_chart_holds_of_alerts_is_what_compose_has() -> None:
    assert (CHART / "alerts.yml").resolve() == PROJECT_ROOT / "infra" / "prometheus" / "alerts.yml"
