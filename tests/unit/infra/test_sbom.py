"""Bills of materials and licences: what an image holds, what each part states, and what is not accepted."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.sbom.bom import cut, read_jars
from infra.sbom.images import holds_jars, images, packages_of
from infra.sbom.licences import Policy, allows, look_at, read_policy, report

POLICY = Policy(
    allowed={"MIT": "permissive", "Apache-2.0": "permissive", "(A AND B) OR C": "read by a person"},
    aliases={"Apache 2": "Apache-2.0"},
    packages={"odd-one": {"licence": "Artistic", "why": "offered under it, too"}},
    folders={"delta": {"licence": "Apache-2.0", "why": "its LICENSE"}},
)


def component(name: str, *licences: str, version: str = "1", **more: Any) -> dict[str, Any]:
    stated = [{"expression": each} if " " in each and each != "Apache 2" else {"license": {"name": each}} for each in licences]
    return {"bom-ref": f"{name}=={version}", "type": "library", "name": name, "version": version, "licenses": stated, **more}


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [("MIT", True), ("GPL-3.0", False), ("GPL-3.0 OR MIT", True), ("MIT AND GPL-3.0", False), ("MIT AND Apache-2.0", True), ("(A AND B) OR C", True)],
)
def test_one_side_of_an_or_and_all_of_an_and_must_be_accepted(expression: str, accepted: bool) -> None:
    assert allows(expression, POLICY) is accepted


def test_an_expression_with_parentheses_is_accepted_only_as_it_stands() -> None:
    assert not allows("(MIT OR GPL-3.0) AND (MIT)", POLICY)


def test_each_part_has_a_licence_and_why_it_is_accepted() -> None:
    jar = component("delta-storage", properties=[{"name": "goeswith:jar", "value": "delta"}])
    parts = look_at([component("a", "Apache 2"), component("Odd_One", "GPL-3.0"), jar, component("b"), component("c", "MIT", "GPL-3.0")], POLICY)
    assert [(p.licence, p.why) for p in parts] == [
        ("Apache-2.0", "permissive"),
        ("Artistic", "offered under it, too"),
        ("Apache-2.0", "its LICENSE"),
        ("not stated", ""),
        ("GPL-3.0 AND MIT", ""),
    ]


def test_the_report_marks_what_is_not_accepted() -> None:
    text = report("gateway", look_at([component("a", "MIT"), component("b", "GPL-3.0")], POLICY))
    assert "| a | 1 | MIT | permissive |" in text
    assert "| b | 1 | GPL-3.0 | **not accepted** |" in text


def test_the_list_accepts_no_copyleft_of_whole_programs() -> None:
    allowed = read_policy().allowed
    assert not {name for name in allowed if name.startswith(("GPL", "AGPL", "SSPL"))}
    assert all(allowed.values())


def test_a_bill_holds_the_packages_of_the_image_and_only_edges_between_them() -> None:
    bill = {
        "components": [component("A", "MIT"), component("b", "MIT"), component("c", "MIT")],
        "dependencies": [{"ref": "A==1", "dependsOn": ["b==1", "c==1"]}, {"ref": "c==1"}],
    }
    found = cut("gateway", "0.1", {"a": "1", "b": "2", "new": "3"}, bill, [], [])
    assert [c["bom-ref"] for c in found["components"]] == ["A==1", "b==2", "new==3"]
    assert found["dependencies"] == [{"ref": "A==1", "dependsOn": []}]
    assert found["metadata"]["component"]["name"] == "goeswith-gateway"


def test_a_jar_states_its_own_pom_and_not_that_of_what_is_shaded_into_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "org.acme_tool-1.2.jar", "w") as jar:
        for name, licence in (("tool", "MIT"), ("other", "GPL-3.0")):
            jar.writestr(f"META-INF/maven/org.acme/{name}/pom.xml", f"<licenses><license><name>{licence}</name></license></licenses>")
        jar.writestr("META-INF/MANIFEST.MF", "Bundle-License: https://www.apache.org/lic\r\n enses/LICENSE-2.0\r\n")
    (found,) = read_jars([tmp_path])
    assert (found["name"], found["version"]) == ("org.acme_tool", "1.2")
    assert [each["license"]["name"] for each in found["licenses"]] == ["MIT", "https://www.apache.org/licenses/LICENSE-2.0"]


def test_what_an_image_installs_is_what_its_dockerfile_asks_for() -> None:
    assert set(images()) == {"airflow", "gateway", "jobs", "trainer", "triton"}
    gateway, jobs, airflow = (packages_of(image) for image in ("gateway", "jobs", "airflow"))
    assert not {"torch", "pyspark", "apache-airflow"} & set(gateway)
    assert {"torch", "pyspark", "apache-airflow"} <= set(jobs)
    assert "psycopg2-binary" in set(airflow) - set(jobs)
    assert all(airflow.values())
    assert [image for image in images() if holds_jars(image)] == ["airflow", "jobs"]
