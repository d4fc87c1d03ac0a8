"""What a step takes is counted: processors also of its children, GPUs for as long as they are held, rows by the commits that wrote them."""

import subprocess
import sys
from pathlib import Path

import pytest

from goeswith import lake
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.usage import count_gpus, count_rows, start_usage
from tests import tiny_shop

BUSY = "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass"


def test_seconds_of_processors_are_this_processs_and_its_childrens() -> None:
    used = start_usage("ingest")
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    taken = used()
    assert taken.cpu_seconds > 0.25
    assert taken.seconds > 0.2
    assert taken.gpu_seconds == 0


def test_a_child_that_still_runs_is_counted() -> None:
    used = start_usage("ingest")
    with subprocess.Popen([sys.executable, "-c", BUSY + "\nprint(flush=True)\ntime.sleep(30)"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        taken = used()
        child.kill()
    assert taken.cpu_seconds > 0.25


@pytest.mark.parametrize(("job", "gpus"), [("train_cirp", 2), ("count_pairs", 0)])
def test_a_gpu_is_held_by_jobs_that_get_one(job: str, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    taken = start_usage(job)()
    assert taken.gpu_seconds == pytest.approx(gpus * taken.seconds)


@pytest.mark.parametrize(("told", "gpus"), [("", 0), ("-1", 0), ("GPU-8f2", 1), ("0,1", 2)])
def test_gpus_are_those_that_a_process_is_told_to_see(told: str, gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert count_gpus() == gpus


def test_else_gpus_are_the_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert count_gpus(tmp_path) == 2


def test_rows_are_those_of_the_commits_since_the_version_that_was_read(profile: Profile) -> None:
    versions = tiny_shop.write_tiny_lake(profile)
    rows = lake.read_table(profile, "items", version=versions["items"]).num_rows
    first = JobRun(profile=profile, run_id="r", versions={"items": 0})
    again = JobRun(profile=profile, run_id="r", versions=versions)
    assert count_rows(first, {"items": versions["items"]}) == rows
    assert count_rows(again, {"items": versions["items"]}) == 0


def test_rows_of_a_merge_are_the_inserted_and_the_updated_ones(profile: Profile) -> None:
    versions = tiny_shop.write_tiny_lake(profile)
    table = lake.read_table(profile, "items", version=versions["items"]).slice(0, 7)
    merge = lake.open_table(profile, "items").merge(table, "s.item_id = t.item_id", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    written = lake.open_table(profile, "items").version()
    assert count_rows(JobRun(profile=profile, run_id="r", versions=versions), {"items": written}) == 7
