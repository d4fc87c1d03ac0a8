"""How much of an edge counts now, and since when it is known."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from goeswith.catalogue import find_table
from tests.unit.training.evaluation.small_worlds import make_items
from training.dataset import UNDATED, Pairs, build_pairs

ITEMS = make_items(["one", "other"])
JULY = {"season_cos": np.cos(2 * np.pi * 6.5 / 12), "season_sin": np.sin(2 * np.pi * 6.5 / 12)}


def edge(*, month: int = 1, **told: Any) -> Pairs:
    """Return the one pair of a training set that was made in the middle of a month."""
    schema = find_table("training_sets").schema
    fixed = {"kind": "pair", "as_of": datetime(2025, month, 15, tzinfo=UTC), "item_id": ITEMS.ids[0], "dst": ITEMS.ids[1], "type": "complement"}
    return build_pairs(pa.Table.from_pylist([{**fixed, "relation": "co_purchase", "weight": 0.5, **told}], schema=schema), ITEMS)


def test_an_edge_of_which_nobody_knows_when_it_met_counts_whole_and_was_always_there() -> None:
    pair = edge()
    assert pair.freshness.tolist() == [1.0]
    assert pair.days.tolist() == [UNDATED]


def test_an_edge_is_known_since_the_day_it_was_first_seen() -> None:
    assert edge(first_seen=datetime(1970, 3, 1, tzinfo=UTC)).days.tolist() == [59]


def test_decay_scales_an_edge() -> None:
    assert edge(n=1, recency=0.25).freshness.tolist() == [0.25]


@pytest.mark.parametrize(("month", "expected"), [(7, 2.0), (1, 0.0), (4, 1.0)])
def test_an_edge_of_july_counts_twice_in_july_and_nothing_in_january(month: int, expected: float) -> None:
    assert edge(month=month, n=100_000, recency=1.0, **JULY).freshness[0] == pytest.approx(expected, abs=1e-3)


def test_a_season_that_one_meeting_tells_is_hardly_believed() -> None:
    assert edge(month=1, n=1, recency=1.0, **JULY).freshness[0] == pytest.approx(1 - 1 / 6)
