"""What is deployed, held against what it must be: each check returns how much it looked at, and raises ``CheckFailed`` with what its tool said."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from goeswith.profile import PROJECT_ROOT
from goeswith.settings import PodSettings
from infra.check import tools
from infra.check.pods import find_breaches
from infra.sbom.write import write_all

INFRA = PROJECT_ROOT / "infra"
CHART = INFRA / "helm" / "goeswith"
ALERTS = INFRA / "prometheus" / "alerts.yml"
KUBERNETES = "1.33.0"
"""Of the schemas in infra/schemas/kubernetes."""
SECRETS = ("GOESWITH_USER_HASH_KEY", "GOESWITH_FEAST__PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
COMPOSE_SETTINGS = {"TRITON_IMAGE": "tritonserver:0", **dict.fromkeys(SECRETS, "for-the-check-alone")}


class CheckFailed(Exception):
    """What was looked at is not as it must be."""


def check_dockerfiles() -> str:
    """Every Dockerfile, by hadolint."""
    found = sorted((INFRA / "docker").glob("*.Dockerfile"))
    _say([*tools.hadolint(), *map(str, found)])
    return f"{len(found)} Dockerfiles"


def check_licences() -> str:
    """The licence of every package and JAR in every image, against the list of those that we accept."""
    with tempfile.TemporaryDirectory() as folder:
        refused = write_all(Path(folder))
        if refused:
            raise CheckFailed("\n".join(refused))
        return f"{len(list(Path(folder).glob('*.cdx.json')))} images"


def check_compose() -> str:
    """The Compose files alone and together with the GPU's, as Docker Compose would read them."""
    folder, reader = INFRA / "compose", str(tools.compose())
    plain = yaml.safe_load(_say([reader, "compose.yaml"], cwd=folder, environment=COMPOSE_SETTINGS))
    _say([reader, "compose.yaml", "gpu.yaml"], cwd=folder, environment=COMPOSE_SETTINGS)
    return f"{len(plain['services'])} services"


def check_chart() -> str:
    """The chart with each set of values: helm's lint, and every manifest against Kubernetes' schemas and the restricted pod standard."""
    sets = [None, *sorted((CHART / "ci").glob("*.yaml"))]
    manifests = [_checked_manifests(values) for values in sets]
    return f"{sum(len(list(yaml.safe_load_all(text))) for text in manifests)} manifests of {len(sets)} sets of values"


def _checked_manifests(values: Path | None) -> str:
    helm, chosen = str(tools.helm()), ["--values", str(values)] if values else []
    _say([helm, "lint", "--strict", "--quiet", "--kube-version", KUBERNETES, str(CHART), *chosen])
    text = _say([helm, "template", "shop", str(CHART), "--namespace", "shop", "--kube-version", KUBERNETES, *chosen])
    _say([str(tools.kubeconform()), "-strict", *_schemas(), "-"], given=text)
    if breach := next(find_breaches(text), None):
        raise CheckFailed(breach)
    _check_pod_settings(text)
    return text


def _check_pod_settings(manifests: str) -> None:
    """What the chart tells an Airflow of jobs' pods must be what the profile knows."""
    for manifest in yaml.safe_load_all(manifests):
        if (told := (manifest.get("data") or {}).get("GOESWITH_OPERATOR__PODS")) is not None:
            try:
                PodSettings.model_validate_json(told)
            except ValidationError as error:
                raise CheckFailed(f"ConfigMap {manifest['metadata']['name']}: {error}") from error


def _schemas() -> Iterator[str]:
    for folder in ("kubernetes", "monitoring"):
        yield from ("-schema-location", f"{INFRA}/schemas/{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json")


def check_prometheus() -> str:
    """Prometheus' settings and alerts, and that each alert comes when it should."""
    promtool, folder = str(tools.promtool()), INFRA / "prometheus"
    _say([promtool, "check", "config", "--syntax-only", "prometheus.yml"], cwd=folder)
    _say([promtool, "check", "rules", "alerts.yml"], cwd=folder)
    _say([promtool, "test", "rules", "alerts_test.yml"], cwd=folder)
    return f"{sum(len(group['rules']) for group in yaml.safe_load(ALERTS.read_text(encoding='utf-8'))['groups'])} alerts"


def check_dashboards() -> str:
    """Grafana's dashboards: their form, and that Prometheus understands every question in them."""
    validator = Draft202012Validator(json.loads((INFRA / "schemas" / "dashboard.json").read_text(encoding="utf-8")))
    boards = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((INFRA / "grafana" / "dashboards").glob("*.json"))}
    for name, board in boards.items():
        if problem := next(validator.iter_errors(board), None):
            raise CheckFailed(f"{name}: {problem.json_path}: {problem.message}")
    questions = [target["expr"] for board in boards.values() for panel in board["panels"] for target in panel["targets"]]
    _check_questions(questions)
    return f"{len(questions)} questions of {len(boards)} dashboards"


def _check_questions(questions: Sequence[str]) -> None:
    rules = [{"record": f"question:{number}", "expr": question} for number, question in enumerate(questions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        _say([str(tools.promtool()), "check", "rules", file.name])


def _say(words: Sequence[str], *, cwd: Path | None = None, given: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Return what a tool prints. Raises ``CheckFailed`` with all that it says where it is not content."""
    settings: dict[str, Any] = {"cwd": cwd, "input": given, "env": {**os.environ, **(environment or {})}}
    done: subprocess.CompletedProcess[str] = subprocess.run(words, capture_output=True, text=True, check=False, **settings)  # noqa: S603 - our own words
    if done.returncode:
        raise CheckFailed(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}".strip())
    return done.stdout
