"""gorse (v0.4, one process) over the same made catalogue, on loopback, its stores in SQLite like ours: the open peer that serves item neighbours.

It lists items of the same labels (category and brand) and answers with their ids; ours answers with what the shop says of them, reasons,
versions and filters. Build it from the Go module ``github.com/zhenghaoz/gorse`` v0.4.15: ``go build ./cmd/gorse-in-one``.
"""

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.serve.clocks import Ask
from benchmarks.serve.made import Catalogue, rows_of
from goeswith.errors import EnvironmentMissing
from goeswith.ports import free_ports
from goeswith_client import ClientError

BLOCK = 2_000
LOOKED_AT = 50
"""Items whose neighbours must be there before anybody is asked."""
READY_S = 600.0
_CONFIG = """
[database]
cache_store = "sqlite://{folder}/cache.db"
data_store = "sqlite://{folder}/data.db"
[master]
host = "127.0.0.1"
port = {port}
http_host = "127.0.0.1"
http_port = {http}
n_jobs = 2
[recommend]
cache_size = 20
[recommend.data_source]
positive_feedback_types = ["purchase"]
read_feedback_types = ["view"]
[recommend.item_neighbors]
neighbor_type = "similar"
"""


@contextmanager
def serving_gorse(binary: Path, folder: Path, catalogue: Catalogue) -> Iterator[int]:
    """Start gorse over the catalogue, wait until it has neighbours, and yield the port of its REST interface."""
    port, http_port = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(_CONFIG.format(folder=folder, port=port, http=http_port), encoding="utf-8")
    with _started(binary, folder, http_port):
        _insert(http_port, catalogue)
    with _started(binary, folder, http_port):  # it computes neighbours when it starts, then once an hour
        _wait_for_neighbours(http_port, catalogue)
        yield http_port


@contextmanager
def _started(binary: Path, folder: Path, port: int) -> Iterator[None]:
    command = [str(binary), "--config", str(folder / "config.toml"), "--cache-path", str(folder / "one.data")]
    with (folder / "gorse.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - the caller's own binary
    try:
        _wait_until_ready(process, folder, port)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()  # does nothing to one that has ended


def _wait_until_ready(process: "subprocess.Popen[bytes]", folder: Path, port: int) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            if _get(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/api/health/ready")[0] == http.client.OK:
                return
        time.sleep(0.2)
    raise EnvironmentMissing("gorse did not start", f"read {folder / 'gorse.log'}")


def _insert(port: int, catalogue: Catalogue) -> None:
    rows = [
        {"ItemId": row["item_id"], "Categories": row["category"][:1], "Labels": [row["category"][1], row["brand"]], "Comment": row["title"]}
        for row in rows_of(catalogue)
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    for start in range(0, len(rows), BLOCK):
        connection.request("POST", "/api/items", json.dumps(rows[start : start + BLOCK]), {"Content-Type": "application/json"})
        found = connection.getresponse()
        told = found.read()
        if found.status != http.client.OK:
            raise EnvironmentMissing(f"gorse refused items: {told[:200]!r}", "use v0.4.15")


def _wait_for_neighbours(port: int, catalogue: Catalogue) -> None:
    ask, until = ask_gorse(port, 10), time.monotonic() + READY_S
    waiting = list(catalogue.ids[:: max(1, len(catalogue.ids) // LOOKED_AT)])
    while waiting and time.monotonic() < until:
        try:
            ask(waiting[-1])
            waiting.pop()
        except ClientError:
            time.sleep(1.0)
    if waiting:
        raise EnvironmentMissing(f"gorse has no neighbours of {waiting[-1]} after {READY_S:.0f} s", "read its log")


def ask_gorse(port: int, k: int) -> Ask:
    """Return the question for an item's neighbours, over one connection that is kept; no neighbours count as an error."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(item: str) -> None:
        status, told = _get(connection, f"/api/item/{item}/neighbors?n={k}")
        if status != http.client.OK or not json.loads(told):
            raise ClientError(f"gorse answered {status}")

    return ask


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    found = connection.getresponse()
    return found.status, found.read()
