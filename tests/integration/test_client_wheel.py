"""The thin client alone: built as a wheel, installed without the rest, imported quickly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from goeswith.profile import PROJECT_ROOT

pytestmark = pytest.mark.slow

PROBE = """
import json, sys, time
started = time.process_time()
import goeswith_client
seconds = time.process_time() - started
heavy = [name for name in ("torch", "pyspark", "airflow", "feast", "goeswith", "tritonclient.grpc", "numpy") if name in sys.modules]
import importlib.util
found = [name for name in ("torch", "pyspark", "airflow", "feast", "goeswith") if importlib.util.find_spec(name)]
try:
    goeswith_client.Client(goeswith_client.ClientConfig(triton="127.0.0.1:1", features="/nowhere")).models.infer("relations", {}, [])
except goeswith_client.ModelUnavailable as error:
    refused = str(error)
print(json.dumps({"seconds": seconds, "imported": heavy, "installed": found, "refused": refused}))
"""


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that holds the client's wheel and what it needs, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run("uv", "build", "--wheel", PROJECT_ROOT / "serving" / "client", "--out-dir", folder)
    wheel = next(folder.glob("goeswith_client-*.whl"))
    run("uv", "venv", "--python", sys.executable, folder / "venv")
    run("uv", "pip", "install", "--python", folder / "venv" / "bin" / "python", wheel)
    return folder / "venv" / "bin" / "python"


def test_the_client_stands_alone_and_imports_in_under_a_third_of_a_second(python: Path) -> None:
    run(python, "-I", "-c", "import goeswith_client")  # compiles the byte code
    found = min((json.loads(run(python, "-I", "-c", PROBE)) for _ in range(3)), key=lambda probe: probe["seconds"])
    assert found["installed"] == []
    assert found["imported"] == []
    assert found["seconds"] < 0.3
    assert "127.0.0.1:1" in found["refused"]


def test_its_types_travel_with_it(python: Path) -> None:
    marker = run(python, "-I", "-c", "import goeswith_client, pathlib; print(pathlib.Path(goeswith_client.__file__).with_name('py.typed').exists())")
    assert marker.strip() == "True"
