"""Triplet and InfoNCE by hand."""

import pytest
import torch

from training.mmsc.losses import info_nce, triplet


def test_a_violated_triplet_costs_its_hinge_and_a_kept_margin_nothing() -> None:
    allowed = torch.ones(2, 2, dtype=torch.bool)
    negatives = torch.tensor([[0.5, 0.0], [0.1, 0.2]])
    loss = triplet(torch.tensor([0.6, 0.9]), negatives, allowed, torch.ones(2), 0.3)
    assert float(loss) == pytest.approx((0.2 + 0.0) / 2)


def test_weights_decide_which_pair_counts() -> None:
    positive, negatives, allowed = torch.tensor([0.0, 0.9]), torch.tensor([[0.5], [0.1]]), torch.ones(2, 1, dtype=torch.bool)
    trusted = triplet(positive, negatives, allowed, torch.tensor([1.0, 0.01]), 0.3)
    doubted = triplet(positive, negatives, allowed, torch.tensor([0.01, 1.0]), 0.3)
    assert float(trusted) > 10 * float(doubted)


def test_what_is_not_allowed_is_no_negative() -> None:
    loss = triplet(torch.tensor([0.0]), torch.tensor([[5.0, 0.1]]), torch.tensor([[False, True]]), torch.ones(1), 0.3)
    assert float(loss) == pytest.approx(0.4)


def test_info_nce_falls_as_the_two_views_come_together() -> None:
    g = torch.Generator().manual_seed(0)
    first, noise, ids = torch.randn(16, 8, generator=g), torch.randn(16, 8, generator=g), torch.arange(16)
    found = [float(info_nce(first, first + s * noise, ids, 0.2)) for s in (0.0, 0.5, 5.0)]
    assert found == sorted(found)


def test_two_rows_of_one_item_are_no_negatives_of_each_other() -> None:
    first = torch.eye(3)[[0, 0, 1]]
    assert float(info_nce(first, first, torch.tensor([7, 7, 8]), 0.2)) < float(info_nce(first, first, torch.arange(3), 0.2))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_items_have_nothing_to_contrast(count: int) -> None:
    assert float(info_nce(torch.randn(count, 4), torch.randn(count, 4), torch.arange(count), 0.2)) == 0.0
