"""Jobs are known by name; a finished step is not done again unless something that it depends on changed."""

import json
from dataclasses import replace

import pytest

from goeswith import records
from goeswith.command.job import read_option
from goeswith.config import parse_config
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun, load_job
from goeswith.profile import Profile
from goeswith.usage import Usage
from tests import tiny_shop


@pytest.fixture
def job(profile: Profile) -> JobRun:
    versions = tiny_shop.write_tiny_lake(profile)
    return JobRun(profile=profile, run_id="r", versions={"items": versions["items"]}, params={"x": 1})


def record(job: JobRun, name: str = "reserve_holdout") -> None:
    records.write_record(name, name, job, JobResult(versions={"items": job.versions["items"]}, summary={"rows": 60}), Usage(1.0, 1.0, 0.0))


def test_an_unknown_job_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="count_pairs"):
        load_job("nonsense")


def test_the_release_job_runs(job: JobRun) -> None:
    assert load_job("release").run(replace(job, params={})).summary["release"] == "r"


def test_the_release_job_refuses_what_it_does_not_know(job: JobRun) -> None:
    with pytest.raises(ConfigError, match="job release: x"):
        load_job("release").run(job)


def test_a_result_is_one_line_of_json() -> None:
    line = JobResult(versions={"items": 3}, summary={"rows": 1}).to_json()
    assert json.loads(line) == {"versions": {"items": 3}, "summary": {"rows": 1}}
    assert "\n" not in line


def test_a_finished_step_is_taken_from_its_record(job: JobRun) -> None:
    record(job)
    found = records.find_record("reserve_holdout", "reserve_holdout", job)
    assert found is not None
    assert found.summary == {"rows": 60, "unchanged": True}


@pytest.mark.parametrize("change", [{"params": {"x": 2}}, {"versions": {"items": 0}}, {"run_id": "other"}])
def test_a_step_whose_inputs_changed_is_done_again(job: JobRun, change: dict[str, object]) -> None:
    record(job)
    fields = {"profile": job.profile, "run_id": job.run_id, "versions": job.versions, "params": job.params}
    changed = JobRun(**{**fields, **change})  # type: ignore[arg-type]  # one field of the right type replaced
    assert records.find_record("reserve_holdout", "reserve_holdout", changed) is None


def test_a_release_of_tables_that_a_step_does_not_read_leaves_its_record_valid(job: JobRun) -> None:
    record(job)
    later = JobRun(profile=job.profile, run_id="r", versions={**job.versions, "item_neighbours": 3}, params=job.params)
    assert records.find_record("reserve_holdout", "reserve_holdout", later) is not None


def test_a_step_whose_output_was_overwritten_is_done_again(job: JobRun) -> None:
    record(job)
    tiny_shop.write_rows(job.profile, "items", [{**tiny_shop.item_rows(job.profile)[0], "price": 1.0}])
    assert records.find_record("reserve_holdout", "reserve_holdout", job) is None


def test_a_step_whose_output_is_no_table_is_left_to_the_job_itself(job: JobRun) -> None:
    records.write_record("export_models", "export_models", job, JobResult(summary={}), Usage(1.0, 1.0, 0.0))
    assert records.find_record("export_models", "export_models", job) is None


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_an_option_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--params"):
        read_option("--params", text)


def test_a_jobs_config_refuses_unknown_fields_and_lists_the_legal_ones() -> None:
    from pydantic.dataclasses import dataclass

    from goeswith.config import STRICT

    @dataclass(frozen=True, kw_only=True, config=STRICT)
    class Config:
        rate: float = 0.5

    assert parse_config(Config, {"rate": 0.1}, where="test") == Config(rate=0.1)
    with pytest.raises(ConfigError, match="legal parameters: rate"):
        parse_config(Config, {"rat": 0.1}, where="test")
    with pytest.raises(ConfigError, match="rate"):
        parse_config(Config, {"rate": "fast"}, where="test")
