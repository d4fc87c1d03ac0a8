"""``goeswith submit``: one Spark job by spark-submit, on the cluster that the profile names."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import typer

from goeswith.errors import ConfigError

if TYPE_CHECKING:
    from goeswith.profile import Profile

APPLICATION = ("infra", "spark", "job.py")


def submit(context: typer.Context, name: str) -> None:
    """Run one Spark job by spark-submit; all that follows the job's name is as in ``goeswith job``.

    The profile says which cluster (spark.master) and how large; our code and Delta's jars are sent along. The driver runs here.
    Example: goeswith submit count_pairs --run monday
    """
    from goeswith.profile import load_profile

    _require_spark_job(name)
    profile = load_profile()
    with NamedTemporaryFile("w", prefix="goeswith-", suffix=".conf") as settings:  # a file that only its owner reads: a command line is seen by all
        settings.write(build_properties(profile))
        settings.flush()
        words = [*build_command(profile, settings.name), name, *context.args]
        done = subprocess.run(words, check=False, env=_environment(profile), stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command, no shell
    sys.stdout.write(done.stdout)  # by this process, so that whoever redirected its output gets the driver's, too
    raise typer.Exit(done.returncode)


def build_properties(profile: "Profile") -> str:
    """Return every setting of a session as the lines of a Java properties file."""
    from spark_jobs.session import session_settings

    escaped = {key: value.replace("\\", "\\\\").replace("\n", "\\n") for key, value in session_settings(profile).items()}
    return "".join(f"{key}={value}\n" for key, value in escaped.items())


def build_command(profile: "Profile", settings: str) -> list[str]:
    """Return the call of spark-submit up to our application's file; ``settings`` is the properties file."""
    from goeswith.profile import PROJECT_ROOT

    program = Path(sys.executable).with_name("spark-submit")
    return [str(program), "--master", profile.spark.master, "--properties-file", settings, str(PROJECT_ROOT.joinpath(*APPLICATION))]


def _environment(profile: "Profile") -> dict[str, str]:
    """Return the environment with the Python of driver and workers, and our folder, for the driver's own imports."""
    from goeswith.profile import PROJECT_ROOT

    python = profile.spark.conf.get("spark.pyspark.python", sys.executable)
    return {**os.environ, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONPATH": str(PROJECT_ROOT)}


def _require_spark_job(name: str) -> None:
    from goeswith.jobs import JOBS, folder_of, require_job

    require_job(name)
    if folder_of(name) != "spark_jobs":
        legal = ", ".join(job for job in JOBS if folder_of(job) == "spark_jobs")
        raise ConfigError(f"job {name!r} needs no Spark", f"run it by: goeswith job {name}; jobs for spark-submit: {legal}")
