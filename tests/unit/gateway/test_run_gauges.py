"""Gauges of runs: how each step ended last, what it took, and what became of a source's rows."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from goeswith import records
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from goeswith.usage import Usage
from serving.gateway.run_gauges import RunGauges
from tests.tiny_gateway import tiny_gateway

COUNTS = {"in": 10, "kept": 8, "quarantined": 2, "duplicates": 0}


def write_step(profile: Profile, step: str) -> None:
    ingested = JobResult(summary={"rows": {"items": COUNTS}})
    records.write_record("ingest", step, JobRun(profile=profile, run_id="monday"), ingested, Usage(2.0, 3.0, 0.0))


def gauges(profile: Profile) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(tiny_gateway(home=profile.home).get("/metrics").text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_step_that_was_done_says_what_it_took_and_what_became_of_rows(profile: Profile) -> None:
    write_step(profile, "ingest")
    found = gauges(profile)
    assert found[("goeswith_step_failed", "ingest")] == 0
    assert found[("goeswith_step_cpu_seconds", "ingest")] == 3
    assert found[("goeswith_source_rows", "quarantined", "items")] == 2


def test_a_step_that_failed_says_so_until_it_is_done(profile: Profile) -> None:
    write_json(records.failure_path(profile, "monday", "ingest"), {"kind": "GateFailed", "what": "no", "remedy": "mend"})
    assert gauges(profile)[("goeswith_step_failed", "ingest")] == 1
    records.failure_path(profile, "monday", "ingest").unlink()
    write_step(profile, "ingest")
    assert gauges(profile)[("goeswith_step_failed", "ingest")] == 0


def test_a_record_that_cannot_be_read_leaves_what_was_read(profile: Profile, caplog: pytest.LogCaptureFixture) -> None:
    write_step(profile, "ingest")
    kept = RunGauges(profile, recheck_s=0)
    before = [family.samples for family in kept.collect()]
    records.record_path(profile, "monday", "ingest").write_text("{", encoding="utf-8")
    assert [family.samples for family in kept.collect()] == before
    assert caplog.messages
