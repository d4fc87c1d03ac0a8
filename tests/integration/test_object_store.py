"""A lake in an object store, without a JVM: delta-rs and upkeep on a real S3 server, and what is said of one that is away or refuses us."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from goeswith import lake, releases
from goeswith.catalogue import Writer, find_table
from goeswith.command.doctor import look_at_store
from goeswith.erasure.person import find_person, find_rows
from goeswith.erasure.user import hash_user
from goeswith.errors import ConfigError, EnvironmentMissing, GoeswithError, StoreUnavailable, VersionMissing
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from goeswith.upkeep import job as upkeep
from goeswith.upkeep.stored import list_files, read_text
from tests.s3_server import S3Server, s3_server
from tests.tiny_shop import bundle_rows, event_rows, item_rows, write_rows

SOON_S = 90.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = find_table("pair_scores").schema


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def profile(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return a profile whose lake is a prefix of its own in the bucket."""
    for name, value in server.environment(f"lake-{tmp_path.name}").items():
        monkeypatch.setenv(name, value)
    return load_profile(overrides={"home": tmp_path / "home"})


def scores(*sources: str) -> pa.Table:
    common = {"relation": "co_purchase", "dst": "b", "run": "r", "graph": "full", "score": 0.5, "kept": True, "rule": "global", "rate": 0.5}
    return pa.Table.from_pylist([{**common, "src": src, "scorer": None, "updated_at": NOW} for src in sources], schema=SCHEMA)


def write(profile: Profile, *sources: str) -> int:
    return lake.write_table(profile, "pair_scores", scores(*sources), writer=Writer.TRAINING)


def test_rows_are_written_read_at_versions_and_maintained_as_on_a_disk(profile: Profile) -> None:
    first = write(profile, "a")
    for k in range(5):
        last = write(profile, f"x{k}")
    assert lake.read_table(profile, "pair_scores", version=first)["src"].to_pylist() == ["a"]
    releases.write_release(profile, "one", {"pair_scores": last})
    params = {"retention_hours": 0, "target_mb": 1, "keep_releases": 1}
    done = upkeep.run(JobRun(profile=profile, run_id="upkeep", params=params)).summary["tables"]["pair_scores"]
    assert done["removed"]["files"]
    assert not done["untouched"]
    assert lake.read_table(profile, "pair_scores").num_rows == 6
    with pytest.raises(VersionMissing):
        lake.open_table(profile, "pair_scores", first)
    commits = [file.path for file in list_files(profile, "pair_scores") if file.path.endswith(".json")]
    assert '"commitInfo"' in read_text(profile, "pair_scores", commits[-1])


def test_what_a_user_left_is_found_in_every_file_there(profile: Profile) -> None:
    items = item_rows(profile)
    events = [{**row, "user_id": hash_user(profile, row["user_id"])} for row in event_rows(bundle_rows(items))]
    write_rows(profile, "events", events)
    person = find_person(profile, "u1")
    assert person.baskets == {row["basket_id"] for row in events if row["user_id"] == person.user_hash}
    assert find_rows(profile, "events", person, newest_only=True).num_rows == len(events) / 3


def test_two_writers_of_one_version_both_keep_their_rows(profile: Profile) -> None:
    write(profile, "a")
    first, second = lake.open_table(profile, "pair_scores"), lake.open_table(profile, "pair_scores")
    for delta, src in ((first, "b"), (second, "c")):
        write_deltalake(delta, scores(src), mode="append")
    assert sorted(lake.read_table(profile, "pair_scores")["src"].to_pylist()) == ["a", "b", "c"]


def test_doctor_says_that_a_store_keeps_writers_apart_and_leaves_nothing_there(profile: Profile, server: S3Server) -> None:
    assert [(check.state, check.found) for check in look_at_store(profile)] == [("ok", "answers, and refuses the second of two writers")]
    assert not [path for path in server.folder.rglob("*_probe*/**/*") if path.is_file()]


@pytest.mark.parametrize(
    ("variable", "value", "kind", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "not-it", EnvironmentMissing, "refuses access .* AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "nobody", EnvironmentMissing, "refuses access .* AWS_ACCESS_KEY_ID"),
        ("GOESWITH_LAKE", "s3://nowhere/lake", ConfigError, "no bucket .* create the bucket"),
        ("GOESWITH_S3__ENDPOINT", "http://127.0.0.1:9", StoreUnavailable, "127.0.0.1:9 does not answer .* GOESWITH_S3__ENDPOINT"),
    ],
    ids=["a wrong secret", "an unknown key", "no bucket", "no server"],
)
def test_what_is_wrong_with_a_store_is_named_with_its_remedy_within_bounded_time(
    profile: Profile, server: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kind: type[GoeswithError], said: str
) -> None:
    write(profile, "a")
    monkeypatch.setenv(variable, value)
    wrong, started = load_profile(overrides={"home": profile.root}), time.monotonic()
    for touch in (lambda: releases.read_releases(wrong), lambda: lake.open_table(wrong, "pair_scores", 1)):
        with pytest.raises(kind, match=f"(?s){said}") as raised:
            touch()
        assert server.secret not in str(raised.value)
    assert [check.state for check in look_at_store(wrong)] == ["missing"]
    assert time.monotonic() - started < SOON_S


def test_a_table_that_is_not_there_yet_is_no_fault_of_the_store(profile: Profile) -> None:
    assert lake.current_version(profile, "items") is None
    assert releases.read_releases(profile) == []
