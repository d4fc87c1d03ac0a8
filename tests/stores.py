"""Servers of online stores, for real: Debian's Redis and PostgreSQL on loopback, each with its own folder and port, stopped by its own id."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import psycopg
import redis

from goeswith.ports import LOOPBACK, free_ports
from tests.debian import require

PASSWORD = "a-secret/of+ours="  # noqa: S105 - of servers that live as long as a test
READY_S = 60.0


@dataclass(slots=True)
class Server:
    """A server that may be stopped and started again; ``address`` is what ``feast.online_path`` says of it."""

    kind: str
    address: str
    command: Sequence[str]
    ready: Callable[[], object]
    user: str | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None)
    log: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(self.command, user=self.user, stdout=self.log, stderr=self.log)
        until = time.monotonic() + READY_S
        while True:
            try:
                self.ready()
                return
            except (psycopg.OperationalError, redis.ConnectionError):
                assert self.process.poll() is None, f"{self.command[0]} ended with {self.process.returncode}: {_told(self.log)}"
                assert time.monotonic() < until, f"{self.command[0]} does not answer"
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, as a machine that goes away: its children too, that hold PostgreSQL's memory for a while after their parent's end."""
        if self.process is not None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(children)
            self.process = None


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_server(folder: Path | None = None) -> Iterator[Server]:
    """Run a Redis. It keeps what it is told in ``folder``; without one it keeps nothing: started again, it is empty."""
    (port,) = free_ports(1)
    binary = require("redis-server", "redis-server")
    kept = {"dir": str(folder), "appendonly": "yes"} if folder else {"appendonly": "no"}
    options = {"bind": LOOPBACK, "port": str(port), "save": "", **kept, "requirepass": PASSWORD}
    command = [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]
    client = redis.Redis(LOOPBACK, port, password=PASSWORD)
    with running(Server("redis", f"{LOOPBACK}:{port}", command, client.ping)) as server:
        yield server
    client.close()


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run a PostgreSQL. It refuses to run as root, so root runs it as the user that its package brings."""
    (port,) = free_ports(1)
    require("pg_ctlcluster", "postgresql")
    binaries = max(Path("/usr/lib/postgresql").iterdir(), key=lambda version: int(version.name)) / "bin"
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="goeswith-postgres-"))
    try:
        _own(folder, user)
        _initialise(binaries / "initdb", folder, user)
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-h", LOOPBACK, "-p", str(port), "-k", "", "-c", "fsync=off"]
        url = f"postgresql://goeswith@{LOOPBACK}:{port}/postgres"
        with running(Server("postgres", f"{url}?sslmode=disable", command, lambda: psycopg.connect(url, password=PASSWORD).close(), user)) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def _told(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode()


def _own(folder: Path, user: str | None) -> None:
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)


def _initialise(initdb: Path, folder: Path, user: str | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    _own(secret, user)
    words = [str(initdb), "-D", str(folder / "data"), "-U", "goeswith", f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"]
    subprocess.run(words, check=True, user=user, cwd=folder, capture_output=True)
