"""Images: pinned, without root, of what is named alone; and each role leaves out what it may not import."""

import re
import tomllib
from pathlib import Path

import pytest

from goeswith.profile import PROJECT_ROOT

FILES = sorted((PROJECT_ROOT / "infra" / "docker").glob("*.Dockerfile"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def pruned(role: str) -> set[str]:
    return {*re.findall(r"--prune ([\w-]+)", (PROJECT_ROOT / "infra" / "docker" / f"{role}.Dockerfile").read_text(encoding="utf-8"))}


@each_file
def test_an_image_does_not_run_as_root(path: Path) -> None:
    assert re.findall(r"^USER (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)[-1] == "10001:10001"


@each_file
def test_bases_have_versions_and_installs_have_hashes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)(?:=(\S+))?$", text, re.MULTILINE))
    assert {*re.findall(r"^FROM \$\{(\w+)\}", text, re.MULTILINE)} == {*bases}
    assert all(re.search(r":\d[\w.-]*$", base) for base in bases.values() if base)
    installs = re.findall(r"(?:uv )?pip install [^\\\n&]*", text)
    assert all("--require-hashes" in line or re.search(r" uv==[\d.]+$", line.strip()) for line in installs)
    assert "--require-hashes" in text or "uv sync --frozen" in text


@each_file
def test_nothing_is_copied_that_is_not_named(path: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert copied
    assert all((PROJECT_ROOT / name).exists() for names in copied for name in names.split())
    assert "." not in [name for names in copied for name in names.split()]


def test_the_context_is_what_is_named() -> None:
    lines = [line for line in (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    assert all((PROJECT_ROOT / line[1:]).exists() for line in lines if line[0] == "!")
    assert not {"!.git", "!shared", "!tests", "!.env"} & {*lines}


@pytest.mark.parametrize("role", ["gateway", "trainer"])
def test_what_a_role_leaves_out_are_dependencies_that_there_are(role: str) -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[\[<>=]", dependency)[0] for dependency in project["dependencies"]}
    assert pruned(role)
    assert pruned(role) <= declared


def test_roles_leave_out_what_their_folder_may_not_import() -> None:
    assert {"torch", "pyspark", "apache-airflow", "great-expectations"} <= pruned("gateway")
    assert {"pyspark", "feast", "apache-airflow", "great-expectations"} <= pruned("trainer")
