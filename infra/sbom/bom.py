"""Software bills of materials in CycloneDX: made of an environment by cyclonedx-py, cut to what an image holds."""

import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from infra.check.tools import cyclonedx, fetch

Component = Mapping[str, Any]
Bill = Mapping[str, Any]
POM = re.compile(r"META-INF/maven/([^/]+)/([^/]+)/pom\.xml")
NAMED = re.compile(r"(.+?)-(\d[\w.-]*)\.jar")
LICENCE = re.compile(r"<licenses>\s*(.*?)</licenses>", re.DOTALL)
NAME = re.compile(r"<name>\s*(.*?)\s*</name>", re.DOTALL)
BUNDLE = re.compile(r"^Bundle-License: (.*(?:\r?\n .*)*)", re.MULTILINE)


def read_environment(python: Path) -> Bill:
    """Return the bill of all that is installed beside a Python. Raises ``EnvironmentMissing``."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bom.json"
        options = ["environment", "--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6", "--output-file", str(out)]
        fetch("the bill of materials", [*cyclonedx(), *options, str(python)])
        found: Bill = json.loads(out.read_text(encoding="utf-8"))
    return found


def cut(image: str, version: str, packages: Mapping[str, str], bill: Bill, whole: Sequence[Bill], jars: Sequence[Component]) -> Bill:
    """Return the bill of an image: its ``packages`` (name -> version) as ``bill`` describes them, all of ``whole``, and its JARs; each once.

    A package that no environment holds in this version stands in it by its name alone.
    """
    own = [c for c in bill["components"] if packages.get(canonicalize_name(c["name"])) == c["version"]]
    bare = [_bare(*each) for each in sorted(packages.items() - {(canonicalize_name(c["name"]), c["version"]) for c in own})]
    beside = [c for each in whole for c in each["components"]]
    listed = {str(c["bom-ref"]): c for c in (*own, *bare, *beside, *jars)}
    edges = {edge["ref"]: sorted({*edge.get("dependsOn", [])} & {*listed}) for each in (*whole, bill) for edge in each.get("dependencies", [])}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"bom-ref": f"goeswith-{image}", "type": "container", "name": f"goeswith-{image}", "version": version}},
        "components": [listed[ref] for ref in sorted(listed, key=str.lower)],
        "dependencies": [{"ref": ref, "dependsOn": after} for ref, after in sorted(edges.items()) if ref in listed],
    }


def _bare(name: str, version: str) -> Component:
    return {"bom-ref": f"{name}=={version}", "type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}


def read_jars(folders: Iterable[Path]) -> list[Component]:
    """Return each JAR as a component, with the licences that it states itself."""
    return [_jar(path) for folder in folders for path in sorted(folder.glob("*.jar"))]


def _jar(path: Path) -> Component:
    """Its name and version are the file's: shaded JARs hold the poms of others."""
    named = NAMED.fullmatch(path.name)
    name, version = (named[1], named[2]) if named else (path.stem, "")
    with zipfile.ZipFile(path) as jar:
        stated = sorted(set(_stated(jar, name)))
    licences = [{"license": {"name": each, "acknowledgement": "declared"}} for each in stated]
    return {
        "bom-ref": path.name,
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:generic/{name}@{version}",
        **({"licenses": licences} if licences else {}),
        "properties": [{"name": "goeswith:jar", "value": path.parent.name}],
    }


def _stated(jar: zipfile.ZipFile, name: str) -> Iterator[str]:
    for entry in jar.namelist():
        pom = POM.fullmatch(entry)
        if pom and name.endswith(pom[2]):
            for part in LICENCE.findall(jar.read(entry).decode(errors="replace")):
                yield from (" ".join(each.split()) for each in NAME.findall(part))
    if "META-INF/MANIFEST.MF" in jar.namelist():
        for found in BUNDLE.findall(jar.read("META-INF/MANIFEST.MF").decode(errors="replace")):
            yield re.sub(r"\r?\n ", "", found).strip().split(";")[0]
