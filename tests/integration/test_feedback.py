"""The loop closes: what a shop tells the gateway stands in ``events`` as its own clicks and purchases do."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.erasure.user import hash_user
from goeswith.feedback import EVENTS, stream_folder
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import PROJECT_ROOT, Profile
from spark_jobs import take_feedback
from spark_jobs.streams import job as stream_job
from tests.own_shop import content, take_in, write_shop
from tests.tiny_gateway import tiny_gateway

pytestmark = pytest.mark.spark

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
KILLS = ("write_refused", "write_events", "Path.unlink")
"""Steps of the job that a process is killed at, each before it does its work."""


def post(home: Path, *events: dict[str, Any]) -> None:
    common = {"unit": "customer-0001", "happened_at": AT.isoformat()}
    taken = tiny_gateway(home=home).post("/events", json={"events": [{**common, **event} for event in events]})
    assert taken.status_code == 202


def click(event_id: str, item: str, **more: Any) -> dict[str, Any]:
    return {"kind": "click", "event_id": event_id, "answer_id": "0" * 32, "item": item, "position": 1, **more}


def purchase(event_id: str, item: str, **more: Any) -> dict[str, Any]:
    return {"kind": "purchase", "event_id": event_id, "item": item, "quantity": 3, "price": 2.5, **more}


def close_the_loop(profile: Profile, run: str) -> JobResult:
    take_feedback.run(JobRun(profile=profile, run_id=run))
    return stream_job.run(JobRun(profile=profile, run_id=run, params={"source": "feedback"}))


def test_a_purchase_that_was_posted_stands_in_events_under_its_users_own_hash(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    shop = [{"event_id": "own", "basket_id": "b", "user_id": "customer-0001", "item_id": "i1", "kind": "purchase", "happened_at": "2026-01-01"}]
    take_in(profile, write_shop(tmp_path / "shop", [{"item_id": "i1"}, {"item_id": "i2"}], shop))
    post(profile.root, click("e1", "i1"), purchase("e2", "i2", basket="order-7"), purchase("e2", "i2", basket="order-7"), click("e3", "gone"))
    done = close_the_loop(profile, "first")
    assert done.summary["batches"][0]["rows"] == {"events": {"in": 3, "kept": 2, "quarantined": 1, "duplicates": 0}}
    user = hash_user(profile, "customer-0001")
    rows = content(profile, "events", "kind", "item_id", "quantity", "price", "user_id", "happened_at")
    assert rows[0][:5] == ("purchase", "i1", 1, None, user)
    assert rows[1:] == [("purchase", "i2", 3, 2.5, user, AT), ("view", "i1", 1, None, user, AT)]
    assert hash_user(profile, "order-7") in {row[0] for row in content(profile, "events", "basket_id")}
    (refused,) = lake.read_table(profile, "quarantine").to_pylist()
    assert (refused["source"], refused["target"], refused["rule"]) == ("feedback", "events", "item_unknown")
    assert "customer-0001" not in str(refused)

    post(profile.root, purchase("e2", "i2", basket="order-7"))
    again = close_the_loop(profile, "again")
    assert again.summary["batches"] == []
    assert again.versions["events"] == done.versions["events"]


def test_ids_that_only_say_that_they_are_hashes_are_believed_of_feedback_alone(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    marked = f"hmac:{'0' * 64}"
    rows = [{"event_id": "e", "basket_id": "b", "user_id": marked, "item_id": "i1", "kind": "purchase"}]
    take_in(profile, write_shop(tmp_path / "shop", [{"item_id": "i1"}], rows))
    assert content(profile, "events", "user_id") == [(hash_user(profile, marked),)]


@pytest.mark.parametrize("step", KILLS)
def test_killed_with_minus_nine_the_job_ends_the_next_time_where_it_would_have(profile: Profile, step: str) -> None:
    post(profile.root, click("e1", "i1"), purchase("e2", "i2"), click("e3", "i1", trial={"experiment": "unknown", "arm": "a"}))
    code = f"""
import os, signal
from pathlib import Path
from goeswith.jobs import JobRun
from goeswith.profile import load_profile
from spark_jobs import take_feedback
where = {"Path" if "." in step else "take_feedback"}
setattr(where, {step.rpartition(".")[2]!r}, lambda *of, **how: os.kill(os.getpid(), signal.SIGKILL))
take_feedback.run(JobRun(profile=load_profile(), run_id="killed"))
"""
    died = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, env={**os.environ, "GOESWITH_HOME": str(profile.root)})
    assert died.returncode == -9
    told = take_feedback.run(JobRun(profile=profile, run_id="again")).summary
    assert told["rows"] == {"in": 3, "kept": 2, "quarantined": 1, "duplicates": 0}
    assert sorted(row[0] for row in content(profile, "feedback", "kind")) == ["click", "purchase"]
    assert [row[0] for row in content(profile, "quarantine", "rule")] == ["trial_mismatch"]
    (file,) = (stream_folder(profile) / EVENTS).iterdir()
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
