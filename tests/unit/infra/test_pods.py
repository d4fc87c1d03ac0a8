"""A pod that may do more than it must is found, wherever the chart makes one."""

from typing import Any

import pytest
import yaml

from infra.check.pods import find_breaches


def container(**over: Any) -> dict[str, Any]:
    bounds = {"cpu": "1", "memory": "1Gi"}
    security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return {"name": "c", "securityContext": security, "resources": {"requests": bounds, "limits": bounds}, **over}


def pod(**over: Any) -> dict[str, Any]:
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"securityContext": security, "automountServiceAccountToken": False, "enableServiceLinks": False, "containers": [container()], **over}


def rendered(spec: dict[str, Any]) -> str:
    template = {"template": {"spec": spec}}
    return yaml.safe_dump_all(
        [
            {"kind": "ConfigMap", "metadata": {"name": "settings"}},
            {"kind": "Deployment", "metadata": {"name": "d"}, "spec": template},
            {"kind": "CronJob", "metadata": {"name": "j"}, "spec": {"jobTemplate": {"spec": template}}},
        ]
    )


def test_a_pod_that_can_do_no_more_than_it_must_passes() -> None:
    assert list(find_breaches(rendered(pod()))) == []


def test_a_pod_by_itself_is_looked_at_too() -> None:
    told = find_breaches(yaml.safe_dump({"kind": "Pod", "metadata": {"name": "p"}, "spec": pod(securityContext={})}))
    assert [line.partition(":")[0] for line in told] == ["Pod p"]


BREACHES = [
    ({"securityContext": {}}, "may run as root"),
    ({"automountServiceAccountToken": True}, "gets a token"),
    ({"containers": [container(securityContext={"privileged": True})]}, "c has another securityContext"),
    ({"initContainers": [container(name="i", resources={})]}, "i lacks a request or a limit"),
]


@pytest.mark.parametrize(("over", "told"), BREACHES, ids=[told for _, told in BREACHES])
def test_every_other_is_named_in_deployments_and_jobs(over: dict[str, Any], told: str) -> None:
    found = list(find_breaches(rendered(pod(**over))))
    assert [line.partition(":")[0] for line in found] == ["Deployment d", "CronJob j"]
    assert all(told in line for line in found)
