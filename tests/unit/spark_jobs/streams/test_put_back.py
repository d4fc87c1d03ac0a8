"""Rows that a stream wrote and a gate took out again are found in the table's history."""

import json
from typing import Any

import pytest

from spark_jobs.streams.query import is_put_back

MINE = "stream files-1"


def wrote(version: int, by: str = MINE) -> dict[str, Any]:
    return {"version": version, "operation": "MERGE", "userMetadata": json.dumps({"run": "r", "job": by})}


def restored(version: int, to: int) -> dict[str, Any]:
    return {"version": version, "operation": "RESTORE", "operationParameters": {"version": str(to)}}


def emptied(version: int) -> dict[str, Any]:
    return {"version": version, "operation": "DELETE", "operationParameters": {}}


def erased(version: int) -> dict[str, Any]:
    return {"version": version, "operation": "DELETE", "operationParameters": {"predicate": "user_id = 'hash'"}}


@pytest.mark.parametrize(
    ("newest_first", "found"),
    [
        ([], False),
        ([wrote(2), wrote(1)], False),
        ([restored(3, 1), wrote(2), wrote(1)], True),
        ([emptied(3), wrote(2)], True),
        ([erased(3), wrote(2)], False),
        ([wrote(4, "ingest"), restored(3, 1), wrote(2)], True),
        ([restored(4, 2), wrote(3, "ingest"), wrote(2)], False),  # back to what the stream wrote
        ([wrote(4), restored(3, 1), wrote(2)], False),  # the stream has written since
        ([restored(3, 0), wrote(2, "stream files-2")], False),  # another's rows
    ],
)
def test_a_table_is_put_back_where_it_was_restored_to_before_the_streams_last_commit(newest_first: list[dict[str, Any]], found: bool) -> None:
    assert is_put_back(newest_first, MINE) == found
