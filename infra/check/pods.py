"""What the restricted Pod Security Standard, and we, ask of every pod that the chart or a job makes."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Manifest = Mapping[str, Any]


def find_breaches(manifests: str) -> Iterator[str]:
    """Yield what is missing, by manifest and container, from manifests as helm renders them, or pods as they are posted."""
    for manifest in yaml.safe_load_all(manifests):
        pod = _pod_of(manifest)
        if pod is not None:
            yield from (f"{manifest['kind']} {manifest['metadata']['name']}: {breach}" for breach in _pod_breaches(pod))


def _pod_of(manifest: Manifest) -> Manifest | None:
    spec: Manifest = manifest.get("spec", {})
    if manifest["kind"] == "Pod":
        return spec
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Manifest | None = spec.get("template", {}).get("spec")
    return found


def _pod_breaches(pod: Manifest) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may run as root, or without seccomp's default profile"
    if pod.get("automountServiceAccountToken") is not False or pod.get("enableServiceLinks") is not False:
        yield "gets a token of the cluster, or the addresses of all services as variables"
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        yield from (f"{container['name']} {breach}" for breach in _container_breaches(container))


def _container_breaches(container: Manifest) -> Iterator[str]:
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    if container.get("securityContext") != wanted:
        yield f"has another securityContext than {wanted}"
    resources = container.get("resources", {})
    if any({"cpu", "memory"} - resources.get(kind, {}).keys() for kind in ("requests", "limits")):
        yield "lacks a request or a limit"
