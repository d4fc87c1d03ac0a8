"""A topic of a real broker: its events stand once, whatever died, and what keeps us out of it is told."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.profile import PROJECT_ROOT, Profile
from goeswith.records import read_records
from tests.kafka_broker import KafkaBroker, kafka_broker
from tests.own_shop import EVENTS, Row, content, take_in, write_shop

pytestmark = pytest.mark.spark

SALE: Row = {"basket_id": "b", "user_id": "customer-0001", "item_id": "pan", "quantity": "1", "kind": "purchase", "happened_at": "2024-01-03"}
MESSAGES = [json.dumps({**dict.fromkeys(EVENTS), **SALE, "event_id": str(number)}) for number in (1, 2, 3, 3)] + ['{"event_id": "4", "user_id": "cut']
PARAMS = {"source": "kafka", "topic": "events", "max_offsets": 2}
DYING = """
import os, signal
from goeswith.jobs import JobRun
from goeswith.profile import load_profile
from spark_jobs.streams import batch, job
told, numbers = batch._tell, []
def die(*of, **how):
    numbers.append(of)
    return told(*of, **how) if len(numbers) == 1 else os.kill(os.getpid(), signal.SIGKILL)
batch._tell = die
job.run(JobRun(profile=load_profile(), run_id="killed", params={params}))
"""
"""A process that is killed when its second micro-batch is written, and not yet said to be."""


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    with kafka_broker() as running:
        running.send("events", MESSAGES)
        yield running


def run(profile: Profile, words: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    told = {**os.environ, "GOESWITH_HOME": str(profile.root), **environment}
    return subprocess.run([sys.executable, *words], cwd=PROJECT_ROOT, env=told, capture_output=True, text=True, check=False, timeout=300)


def read_topic(profile: Profile, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return run(profile, ["-m", "goeswith", "job", "stream", "--run", "again", "--params", json.dumps(PARAMS)], environment)


def test_a_process_that_died_between_rows_and_checkpoint_is_followed_by_one_that_takes_in_the_rest(
    spark: SparkSession, profile: Profile, broker: KafkaBroker, tmp_path: Path
) -> None:
    take_in(profile, write_shop(tmp_path / "shop", [{"item_id": "pan"}]))
    died = run(profile, ["-c", DYING.replace("{params}", repr(PARAMS))], broker.environment())
    assert died.returncode == -9, died.stderr[-2000:]
    again = read_topic(profile, broker.environment())
    assert again.returncode == 0, again.stderr[-2000:]

    batches = read_records(profile, "again")["stream"]["summary"]["batches"]
    assert [batch["batch"] for batch in batches] == [1, 2]
    accounts = lake.read_table(profile, "stream_batches").to_pylist()
    assert len(accounts) == len({(each["stream"], each["batch"], each["target"]) for each in accounts}) == 3
    assert sum(each["rows_in"] for each in accounts) == len(MESSAGES)
    assert all(each["rows_in"] == each["kept"] + each["quarantined"] + each["duplicates"] for each in accounts)
    assert Counter(content(profile, "events", "event_id")) == Counter({("1",): 1, ("2",): 1, ("3",): 1})
    assert content(profile, "quarantine", "rule") == [("row_incomplete",)]
    assert broker.password not in died.stderr + again.stdout + again.stderr


def test_a_wrong_password_is_told_without_a_traceback(profile: Profile, broker: KafkaBroker) -> None:
    refused = read_topic(profile, {**broker.environment(), "GOESWITH_KAFKA__PASSWORD": "not-the-one"})
    assert refused.returncode == 4, refused.stderr[-2000:]
    assert "SaslAuthenticationException" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "not-the-one" not in refused.stderr


def test_a_broker_that_is_away_is_told(profile: Profile, broker: KafkaBroker) -> None:
    refused = read_topic(profile, {**broker.environment(), "GOESWITH_KAFKA__SERVERS": "127.0.0.1:1"})
    assert refused.returncode == 4, refused.stderr[-2000:]
    assert "127.0.0.1:1" in refused.stderr
    assert "Traceback" not in refused.stderr
