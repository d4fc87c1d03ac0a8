"""A Kubernetes API on loopback: pods that are created, read, listed, patched and deleted over HTTP, and end as a test has planned."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Pod = dict[str, Any]
Status = dict[str, Any]
CONTAINER = "base"


def running() -> Status:
    """Return the status of a pod at work."""
    return _with_container("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})


def succeeded(message: str) -> Status:
    """Return the status of a pod whose container left a termination message."""
    return _with_container("Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed", "message": message}})


def failed(code: int, message: str) -> Status:
    """Return the status of a pod whose container ended with an exit code."""
    return _with_container("Failed", {"terminated": {"exitCode": code, "reason": "Error", "message": message}})


def lost(reason: str, message: str = "told by the kubelet") -> Status:
    """Return the status of a pod that Kubernetes ended."""
    return {**_with_container("Failed", {"terminated": {"exitCode": 137, "reason": "Error"}}), "reason": reason, "message": message}


def _with_container(phase: str, state: Status) -> Status:
    container = {"name": CONTAINER, "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": state}
    return {"phase": phase, "containerStatuses": [container]}


@dataclass
class FakeKubernetes:
    """``plans``: for each pod that will be created, its statuses, one a reading; the last one stays. None in it: the pod is gone then."""

    plans: list[Sequence[Status | None]] = field(default_factory=list)
    pods: dict[str, Pod] = field(default_factory=dict)
    created: list[Pod] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    """Those of them that were deleted without waiting for their node."""
    calls: set[tuple[str, str]] = field(default_factory=set)
    """Every (verb, resource) that was asked for, as a Role names them."""
    drops: int = 0
    """So many of the next readings of a pod lose their connection before an answer."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, pod: Pod) -> Pod:
        """Take in a pod and begin its plan."""
        metadata = {**pod["metadata"], "uid": str(len(self.created)), "creationTimestamp": "2026-01-01T00:00:00Z"}
        plan = list(self.plans.pop(0))
        self.created.append(pod)
        self.pods[metadata["name"]] = {**pod, "metadata": metadata, "status": {"phase": "Pending"}, "_plan": plan}
        return public(self.pods[metadata["name"]])

    def read(self, name: str) -> Pod | None:
        """Return a pod one step further in its plan, None where it is gone."""
        pod = self.pods.get(name)
        if pod is None:
            return None
        plan = pod["_plan"]
        status = plan.pop(0) if len(plan) > 1 else plan[0]
        if status is None:
            del self.pods[name]
            return None
        pod["status"] = status
        return public(pod)

    def select(self, selector: str) -> list[Pod]:
        """Return the pods whose labels match."""
        return [public(pod) for pod in self.pods.values() if matches(pod["metadata"].get("labels", {}), selector)]


def public(pod: Pod) -> Pod:
    """Return a pod as the API shows it."""
    return {key: value for key, value in pod.items() if key != "_plan"}


def matches(labels: Mapping[str, str], selector: str) -> bool:
    """Return whether labels satisfy a selector: k=v, k!=v, k and !k, joined by commas."""
    return all(_meets(labels, term) for term in filter(None, selector.split(",")))


def _meets(labels: Mapping[str, str], term: str) -> bool:
    if "!=" in term:
        key, _, value = term.partition("!=")
        return labels.get(key) != value
    if "=" in term:
        key, _, value = term.partition("=")
        return labels.get(key) == value
    return term[1:] not in labels if term.startswith("!") else term in labels


class _Handler(BaseHTTPRequestHandler):
    cluster: FakeKubernetes
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        with self.cluster.lock:
            resource, name, query = self._where()
            self.cluster.calls.add(("get" if name else "list", resource))
            if resource == "pods/log":
                return self._answer(200, b"a line of the job\n", "text/plain")
            if resource == "pods" and name and self.cluster.drops:
                self.cluster.drops -= 1
                self.close_connection = True
                return None
            if resource == "pods" and name:
                return self._say(self.cluster.read(name))
            items = self.cluster.select(query.get("labelSelector", [""])[0]) if resource == "pods" else []
            return self._say({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})

    def do_POST(self) -> None:
        with self.cluster.lock:
            self.cluster.calls.add(("create", self._where()[0]))
            self._say(self.cluster.create(self._body()), 201)

    def do_PATCH(self) -> None:
        with self.cluster.lock:
            resource, name, _ = self._where()
            self.cluster.calls.add(("patch", resource))
            pod = self.cluster.pods.get(name)
            if pod:
                pod["metadata"]["labels"].update(self._body()["metadata"]["labels"])
            self._say(public(pod) if pod else None)

    def do_DELETE(self) -> None:
        with self.cluster.lock:
            resource, name, query = self._where()
            self._body()
            self.cluster.calls.add(("delete", resource))
            self.cluster.forced += [name] if query.get("gracePeriodSeconds") == ["0"] else []
            pod = self.cluster.pods.pop(name, None)
            self.cluster.deleted += [name] if pod else []
            self._say(public(pod) if pod else None)

    def _where(self) -> tuple[str, str, dict[str, list[str]]]:
        """Return resource, name and query of /api/v1/namespaces/NS/RESOURCE/NAME/SUBRESOURCE."""
        url = urlsplit(self.path)
        resource, *rest = url.path.split("/")[5:]
        return "/".join([resource, *rest[1:]]), rest[0] if rest else "", parse_qs(url.query)

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length)) if length else None

    def _say(self, what: Pod | None, status: int = 200) -> None:
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self._answer(status if what else 404, json.dumps(what or missing).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve_kubernetes(config: Path) -> Iterator[FakeKubernetes]:
    """Serve a cluster without pods, and write the kubeconfig that names it."""
    cluster = FakeKubernetes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    named = {"clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}], "users": [{"name": "u", "user": {}}]}
    chosen = {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}
    config.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **named, **chosen}), encoding="utf-8")
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
