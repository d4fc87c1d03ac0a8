"""An S3 server for real: S3Proxy on loopback over a folder, with signatures checked and conditional writes refused, stopped by its own id."""

import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goeswith.ports import LOOPBACK, free_ports
from spark_jobs.jars import Jars, local_jars

S3PROXY = Jars(("org.gaul:s3proxy:4.1.0",), ("",))
"""Its jar and all that it needs: it brings its own of everything, apart from Spark."""
BUCKET = "goeswith"
READY_S = 60.0


@dataclass(slots=True)
class S3Server:
    """A server with one bucket and one key, drawn for it alone; ``folder`` holds a file an object."""

    folder: Path
    endpoint: str
    key: str = field(default_factory=lambda: f"AK{secrets.token_hex(8).upper()}")
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    process: "subprocess.Popen[bytes] | None" = None

    def environment(self, prefix: str = "lake") -> dict[str, str]:
        """Return the variables by which a process of ours works on a lake in the bucket."""
        ours = {"GOESWITH_LAKE": f"s3://{BUCKET}/{prefix}", "GOESWITH_S3__ENDPOINT": self.endpoint}
        return {**ours, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}

    def start(self) -> None:
        """Start it and wait until it listens."""
        settings = {
            "s3proxy.endpoint": self.endpoint,
            "s3proxy.authorization": "aws-v4",
            "s3proxy.identity": self.key,
            "s3proxy.credential": self.secret,
            "jclouds.provider": "filesystem",
            "jclouds.filesystem.basedir": str(self.folder / "buckets"),
        }
        (self.folder / "buckets" / BUCKET).mkdir(parents=True, exist_ok=True)
        properties = self.folder / "s3proxy.conf"
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
        java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{local_jars(S3PROXY)}/*"]
        words = [*java, "org.gaul.s3proxy.Main", "--properties", str(properties)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def stop(self) -> None:
        """Stop it at once, as a machine that goes away."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _wait(self) -> None:
        port, until = int(self.endpoint.rpartition(":")[2]), time.monotonic() + READY_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    return
            assert self.process is not None
            assert self.process.poll() is None, f"the S3 server ended with {self.process.returncode}"
            assert time.monotonic() < until, "the S3 server does not answer"
            time.sleep(0.05)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="goeswith-s3-") as folder:
        os.chmod(folder, 0o700)  # noqa: PTH101 - the server's own settings name its key
        server = S3Server(Path(folder), f"http://{LOOPBACK}:{free_ports(1)[0]}")
        server.start()
        try:
            yield server
        finally:
            server.stop()
