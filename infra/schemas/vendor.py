"""Write the schemas of the Kubernetes kinds that the chart uses, each whole in itself and without prose, from the package kubernetes-validate.

Usage: uv run --no-project --with kubernetes-validate==1.37.0 infra/schemas/vendor.py
"""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

KUBERNETES = "v1.33.0"
KINDS = (
    "configmap-v1",
    "cronjob-batch-v1",
    "deployment-apps-v1",
    "horizontalpodautoscaler-autoscaling-v2",
    "networkpolicy-networking-v1",
    "persistentvolumeclaim-v1",
    "pod-v1",
    "poddisruptionbudget-policy-v1",
    "role-rbac-v1",
    "rolebinding-rbac-v1",
    "service-v1",
    "serviceaccount-v1",
)
_SHARED = "/api/_definitions.json#/$defs/"


def main() -> int:
    """Write one file a kind beside this script."""
    source = files("kubernetes_validate") / "kubernetes-json-schema" / f"{KUBERNETES}-local-strict"
    shared = json.loads((source / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    target = Path(__file__).parent / "kubernetes"
    target.mkdir(exist_ok=True)
    for kind in KINDS:
        schema = build_schema(json.loads((source / f"{kind}.json").read_text(encoding="utf-8")), shared)
        (target / f"{kind}.json").write_text(json.dumps(schema, indent=None, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
    return 0


def build_schema(schema: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the definitions that it reaches, which it then refers to within itself."""
    kept: dict[str, Any] = {}
    waiting = sorted(references(schema))
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = shared[name]
            waiting += sorted(references(shared[name]))
    built: dict[str, Any] = bare({**schema, "$defs": kept})
    return built


def references(node: Any) -> set[str]:
    """Return the names of the shared definitions that a node refers to."""
    if isinstance(node, list):
        return {name for part in node for name in references(part)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
    return own | {name for part in node.values() for name in references(part)}


def bare(node: Any) -> Any:
    """Return a node without descriptions, its references made local."""
    if isinstance(node, list):
        return [bare(part) for part in node]
    if isinstance(node, str):
        return node.replace(_SHARED, "#/$defs/")
    if not isinstance(node, dict):
        return node
    return {key: bare(part) for key, part in node.items() if key != "description" or not isinstance(part, str)}


if __name__ == "__main__":
    sys.exit(main())
