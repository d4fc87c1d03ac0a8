"""Samples show few rows, bounded values, and no user."""

import json
from datetime import UTC, datetime

import pytest

from spark_jobs.gates.samples import shown_rows


def test_samples_are_cut_and_bounded() -> None:
    assert shown_rows([{"id": "x" * 10_000}]) == [{"id": "x" * 200}]
    assert len(shown_rows([{"id": i} for i in range(100)])) == 10


def test_no_sample_shows_a_user() -> None:
    assert shown_rows([{"user_id": "u1", "item_id": "a"}]) == [{"user_id": "***", "item_id": "a"}]
    assert shown_rows([{"user_id": None}]) == [{"user_id": None}]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 1, 1, tzinfo=UTC), ["a", "b"], 3, 0.5, True, None])
def test_any_value_becomes_json_that_every_reader_takes(value: object) -> None:
    json.loads(json.dumps(shown_rows([{"x": value}]), allow_nan=False))
