"""What choices are made by, against ranks counted by hand."""

import numpy as np
import pytest
import torch

from training.bundle_cases import leave_one_out
from training.cirp.neighbours import ItemGraph
from training.cirp.validation import HeldPairs, HeldUnits, reciprocal_rank


def test_reciprocal_rank_counts_by_hand() -> None:
    x = torch.eye(4) + torch.tensor([[0, 0.9, 0.5, 0], [0.0] * 4, [0.0] * 4, [0.0] * 4])
    barred = torch.eye(4, dtype=torch.bool)[:1]
    assert reciprocal_rank(x, torch.tensor([[0, 2]]), barred) == 0.5
    barred[0, 1] = True
    assert reciprocal_rank(x, torch.tensor([[0, 2]]), barred) == 1.0


def graph_of(edges: list[list[int]], held: list[list[int]], num_items: int) -> ItemGraph:
    numbers = np.arange(num_items)
    return ItemGraph(num_items, np.array(edges), np.ones(len(edges), np.float32), np.array(held), numbers, numbers)


def test_a_held_pair_is_asked_from_both_ends_and_known_neighbours_do_not_compete() -> None:
    validation = HeldPairs(graph_of([[0, 1]], [[0, 2]], 4), seed=0)
    assert validation.items.tolist() == [0, 1, 2, 3]
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.8, 0.6]])
    assert validation.score(x) == pytest.approx((1 / 2 + 1 / 2.5) / 2), "0 finds 3 before 2 (1 is known); 2 finds 3 first, then 0 and 1 alike"


def test_what_a_unit_lacks_is_ranked_among_all_items_that_were_not_given() -> None:
    cases = leave_one_out([[0, 1, 2]], np.array(["NaT"], dtype="datetime64[us]"), max_cases=9, seed=0)
    validation = HeldUnits(cases, 5)
    x = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.5, 0.4], [0.0, 0.0]])
    assert validation.score(x) == pytest.approx((1 + 1 + 1 / 2) / 3), "2 stands behind 3, the others first"


def test_units_are_judged_alike_however_many_are_ranked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 8, generator=generator)
    units = [torch.randperm(30, generator=generator)[:4].tolist() for _ in range(20)]
    validation = HeldUnits(leave_one_out(units, np.full(20, np.datetime64("NaT", "us")), max_cases=99, seed=0), 30)
    whole = validation.score(x)
    monkeypatch.setattr("training.cirp.validation.AT_ONCE", 7)
    assert validation.score(x) == pytest.approx(whole)
