"""OpenLineage's own client hears of every job, where it is configured, and from what it heard a served model leads back to its source."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goeswith.errors import ConfigError, EnvironmentMissing, GateFailed
from goeswith.jobs import JobResult, JobRun
from goeswith.lineage.following import follow
from goeswith.profile import Profile
from tests.unit.goeswith.lineage.way import STEPS, tell_way

Event = dict[str, Any]
Place = tuple[str, str, str]
"""Namespace, name and version of a dataset."""


@pytest.fixture(autouse=True)
def _nothing_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the file that events are appended to."""
    path = tmp_path / "events.jsonl"
    for name, value in {"TYPE": "file", "LOG_FILE_PATH": str(path), "APPEND": "true"}.items():
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__{name}", value)
    return path


def read_events(path: Path) -> list[Event]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def place(dataset: Event) -> Place:
    return dataset["namespace"], dataset["name"], dataset["facets"].get("version", {}).get("datasetVersion", "")


def walk_back(events: list[Event], start: Place) -> Iterator[tuple[Place, str]]:
    """Yield each thing that the first one was made of, and the job that made it; '' for a source."""
    makers = {place(made): event for event in events for made in event.get("outputs", ())}
    seen, open_ends = set[Place](), [start]
    while open_ends:
        at = open_ends.pop()
        if at not in seen:
            seen.add(at)
            maker = makers.get(at)
            yield at, maker["job"]["name"] if maker else ""
            open_ends += [place(read) for read in maker["inputs"]] if maker else []


def tell_all(profile: Profile) -> None:
    for step, job, result in tell_way(profile):
        with follow(step.job, step.job, step.dag, job) as tell:
            tell(result)


def test_a_served_model_leads_back_to_the_source(profile: Profile, told: Path) -> None:
    tell_all(profile)
    server = f"triton://{profile.triton.host}:{profile.triton.grpc_port}"
    found = list(walk_back(read_events(told), (server, "models", "1")))
    assert {job for _, job in found} == {"", *(f"{step.dag}.{step.job}" for step in STEPS)}
    assert ("file", "/shop", "") in {at for at, job in found if not job}


def test_a_table_that_is_made_has_version_schema_and_rows(profile: Profile, told: Path) -> None:
    tell_all(profile)
    (items,) = (made for event in read_events(told) for made in event.get("outputs", ()) if made["name"].endswith("/items"))
    assert items["name"] == f"{profile.lake_uri}/items"
    assert items["outputFacets"]["outputStatistics"]["rowCount"] == 60
    fields = {field["name"]: field for field in items["facets"]["schema"]["fields"]}
    assert fields["price"]["type"] == "double"
    assert fields["item_id"]["description"]


def test_jobs_of_one_dag_run_have_one_parent_and_each_a_run_of_its_own(profile: Profile, told: Path) -> None:
    tell_all(profile)
    ended = [event for event in read_events(told) if event["eventType"] == "COMPLETE"]
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in ended if event["job"]["name"].startswith("train.")}
    assert len(parents) == 1
    assert {event["run"]["facets"]["parent"]["job"]["name"] for event in ended} == {"ingest", "graph", "train", "publish"}
    assert len({event["run"]["runId"] for event in ended}) == len(ended)


def test_each_run_is_told_of_twice_when_it_starts_and_when_it_ends(profile: Profile, told: Path) -> None:
    with follow("release", "release_sources", "", JobRun(profile=profile, run_id="by-hand")) as tell:
        tell(JobResult(summary={"release": "by-hand"}))
    start, end = read_events(told)
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert end["job"]["name"] == "release_sources"
    assert "parent" not in end["run"].get("facets", {})


def test_a_failure_is_told_with_its_reason_and_goes_on(profile: Profile, told: Path) -> None:
    with pytest.raises(GateFailed), follow("gate", "gate_sources", "ingest", JobRun(profile=profile, run_id="r")):
        raise GateFailed("items: 3 rows have no id", "mend them")
    failed = read_events(told)[-1]
    assert failed["eventType"] == "FAIL"
    assert "items: 3 rows have no id" in failed["run"]["facets"]["errorMessage"]["message"]


def test_a_lineage_server_that_is_away_holds_up_no_job(profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    with follow("release", "release", "", JobRun(profile=profile, run_id="r")) as tell:
        tell(JobResult())
    assert "OpenLineage missed COMPLETE of job release in run r" in caplog.text


def test_where_nobody_asks_for_lineage_the_client_is_not_even_imported(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    with follow("release", "release", "", JobRun(profile=profile, run_id="r")) as tell:
        tell(JobResult())


def test_a_configured_client_that_is_not_installed_is_named(profile: Profile, told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goeswith.lineage.following.find_spec", lambda _: None)
    with pytest.raises(EnvironmentMissing, match="OpenLineage") as missing, follow("release", "release", "", JobRun(profile=profile, run_id="r")):
        pass
    assert "goeswith[openlineage]" in missing.value.remedy


def test_a_wrong_configuration_is_an_error_with_a_remedy(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    with pytest.raises(ConfigError, match="log_file_path"), follow("release", "release", "", JobRun(profile=profile, run_id="r")):
        pass
