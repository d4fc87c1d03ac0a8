"""A training job in several processes on this machine: torchrun starts this module once for each, and they meet on loopback."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goeswith import errors
from goeswith.errors import GoeswithError, TrainingStopped
from goeswith.jobs import JobRun, load_job
from goeswith.leases import adopt_lease, held_lease
from goeswith.ports import LOOPBACK, free_ports
from goeswith.profile import PROJECT_ROOT, load_profile
from goeswith.results import write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What each process does. Settings that the environment holds, secrets among them, are inherited with it."""

    job: str
    run_id: str
    versions: dict[str, int]
    params: dict[str, Any]
    profile: str
    overrides: dict[str, Any]
    failures: str
    """Folder in which a process says why it failed."""
    lease: str
    """File of the lease that the process which started these holds, '' for none."""

    def run(self) -> None:
        """Do the job."""
        profile = load_profile(self.profile, self.overrides)
        with adopt_lease(Path(self.lease) if self.lease else None):
            load_job(self.job).run(JobRun(profile=profile, run_id=self.run_id, versions=self.versions, params=self.params))


def is_started() -> bool:
    """Return whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def run_processes(name: str, job: JobRun, count: int) -> None:
    """Do a job in ``count`` processes and return once all have ended. Raises what the first of them that failed has raised."""
    where = {"home": str(job.profile.root), "lake": job.profile.lake, "s3": job.profile.s3.model_dump()}
    with TemporaryDirectory(prefix="goeswith-ranks-") as failures:
        what: dict[str, Any] = {"run_id": job.run_id, "versions": dict(job.versions), "params": dict(job.params)}
        lease = str(held_lease() or "")
        order = Order(job=name, **what, profile=job.profile.profile, overrides=where, failures=failures, lease=lease)
        meeting = ["--nnodes", "1", "--nproc-per-node", str(count), "--master-addr", LOOPBACK, "--master-port", str(free_ports(1)[0])]
        words = [sys.executable, "-m", "torch.distributed.run", *meeting, "-m", "training.trainer.torchrun", json.dumps(asdict(order))]
        threads = str(max(1, (os.cpu_count() or 1) // count))
        ended = subprocess.run(words, check=False, cwd=PROJECT_ROOT, env={"OMP_NUM_THREADS": threads, **os.environ})  # noqa: S603 - our own command, no shell
        if ended.returncode:
            raise _failure(Path(failures), name, count)


def _failure(folder: Path, name: str, count: int) -> GoeswithError:
    told = sorted(folder.glob("*.json"))
    if not told:
        return TrainingStopped(f"job {name}: one of its {count} processes ended, see above", "run it again: it goes on from its last checkpoint")
    said = json.loads(told[0].read_text(encoding="utf-8"))
    kind: type[GoeswithError] = getattr(errors, said["kind"])
    return kind(said["what"], said["remedy"])


def main() -> int:
    """Do the order that this process was started with."""
    order = Order(**json.loads(sys.argv[1]))
    try:
        order.run()
    except GoeswithError as error:
        failure = {"kind": type(error).__name__, "what": error.what, "remedy": error.remedy}
        write_json(Path(order.failures) / f"{os.environ['RANK']}.json", failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
