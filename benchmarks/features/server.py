"""A Redis of its own for a bench: on loopback, without a disk, gone with the block."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from goeswith.errors import EnvironmentMissing
from goeswith.ports import LOOPBACK, free_ports

READY_S = 30.0


@contextmanager
def serving_redis() -> Iterator[tuple[str, "redis.Redis"]]:
    """Yield HOST:PORT of an empty Redis, and a client of it. Raises ``EnvironmentMissing`` where it is not installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise EnvironmentMissing("there is no redis-server here", "as root: apt-get install -y redis-server")
    (port,) = free_ports(1)
    command = [binary, "--bind", LOOPBACK, "--port", str(port), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - the command is ours
    try:
        with redis.Redis(LOOPBACK, port) as client:
            _wait_for(client)
            yield f"{LOOPBACK}:{port}", client
    finally:
        process.kill()
        process.wait()


def _wait_for(client: "redis.Redis") -> None:
    until = time.monotonic() + READY_S
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError as error:
            if time.monotonic() > until:
                raise EnvironmentMissing("Redis did not start", "run redis-server by hand and read what it says") from error
            time.sleep(0.05)
