"""The records of runs alone lead from a served model back to the source."""

import json

import pytest

from goeswith import lake, records
from goeswith.command.lineage import find_ref
from goeswith.command.lineage import lineage as say
from goeswith.errors import ConfigError, VersionMissing
from goeswith.jobs import JobResult, JobRun
from goeswith.lineage.history import trace
from goeswith.lineage.refs import Kind, Ref
from goeswith.profile import Profile
from goeswith.usage import Usage
from tests import tiny_shop
from tests.unit.goeswith.lineage.way import STEPS, tell_way


@pytest.fixture
def shop(profile: Profile) -> Profile:
    for step, job, result in tell_way(profile):
        records.write_record(step.job, step.job, job, result, Usage(1.0, 1.0, 0.0))
    return profile


def test_a_served_model_leads_back_to_the_source(shop: Profile) -> None:
    made = trace(shop, find_ref(shop, "1"))
    assert [step.job for step in made if step.job != "ingest"] == [step.job for step in reversed(STEPS) if step.job != "ingest"]
    assert Ref(Kind.SOURCE, "/shop") in {ref for step in made for ref in step.inputs}


def test_a_table_leads_back_to_what_it_was_made_of_and_no_further(shop: Profile) -> None:
    assert [step.job for step in trace(shop, find_ref(shop, "items"))] == ["ingest"]


def test_who_found_a_table_as_it_should_be_has_not_made_it(shop: Profile) -> None:
    version = lake.open_table(shop, "items").version()
    again = JobRun(profile=shop, run_id="again", params={"source": "files", "data": "/shop"})
    records.write_record("ingest", "ingest", again, JobResult(versions={"items": version}), Usage(1.0, 1.0, 0.0))
    assert [step.run for step in trace(shop, Ref(Kind.TABLE, "items", version))] == ["run-ingest"]


def test_a_version_that_upkeep_wrote_is_the_one_whose_rows_it_holds(shop: Profile) -> None:
    before = find_ref(shop, "items")
    lake.open_table(shop, "items").alter.set_table_properties({"delta.checkpointInterval": "20"})
    assert lake.open_table(shop, "items").version() == (before.version or 0) + 1
    assert find_ref(shop, "items") == before


def test_an_older_version_is_asked_for_by_its_number(shop: Profile) -> None:
    first = find_ref(shop, "items")
    tiny_shop.write_rows(shop, "items", [{**tiny_shop.item_rows(shop)[0], "price": 1.0}])
    assert find_ref(shop, "items") != first
    assert find_ref(shop, f"items@{first.version}") == first


def test_what_nobody_made_is_an_error_with_a_remedy(shop: Profile) -> None:
    with pytest.raises(VersionMissing, match="published version 7"):
        find_ref(shop, "7")
    with pytest.raises(ConfigError, match="no table is called 'nonsense'"):
        find_ref(shop, "nonsense")


def test_the_command_tells_it_for_people_and_as_json(shop: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(shop.root))
    say("1", as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["job"] == "publish_models"
    say("relations", as_json=False)
    assert "build_relations" in capsys.readouterr().out
    with pytest.raises(VersionMissing, match="bundles"):
        say("bundles", as_json=False)
