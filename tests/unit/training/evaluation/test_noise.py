"""Lies that are planted into training pairs."""

import numpy as np
import pytest

from tests.unit.training.evaluation.small_worlds import make_items, make_pairs, make_set, random_edges
from training.dataset import Pairs, TrainingSet
from training.evaluation.graph import KINDS
from training.evaluation.noise import BOTS, LIES

SIZE = 80


@pytest.fixture(scope="module")
def shop() -> TrainingSet:
    categories = [("all", f"kind {k % 4}") for k in range(SIZE)]
    edges = [edge for seed, kind in enumerate(KINDS) for edge in random_edges(SIZE, 0.2, kind, seed)]
    return TrainingSet("evaluation", make_items([f"thing {k}" for k in range(SIZE)], categories=categories), make_pairs(edges))


def told(shop: TrainingSet, lie: str, seed: int = 0) -> Pairs:
    return LIES[lie](shop, np.random.default_rng(seed))


def edges_of(pairs: Pairs) -> set[tuple[int, int, str]]:
    return set(zip(pairs.src.tolist(), pairs.dst.tolist(), pairs.types.tolist(), strict=True))


@pytest.mark.parametrize("lie", LIES)
def test_the_same_seed_tells_the_same_lie_and_no_item_meets_itself(shop: TrainingSet, lie: str) -> None:
    first, again, other = told(shop, lie), told(shop, lie), told(shop, lie, seed=1)
    assert edges_of(first) == edges_of(again) != edges_of(shop.pairs)
    assert edges_of(first) != edges_of(other)
    assert (first.src != first.dst).all()


@pytest.mark.parametrize("percent", [10, 20, 40])
def test_random_edges_leave_the_true_ones_and_hold_both_ways(shop: TrainingSet, percent: int) -> None:
    lied = told(shop, f"noise-{percent}")
    false = lied.take(slice(len(shop.pairs), None))
    assert edges_of(shop.pairs) <= edges_of(lied)
    assert len(false) == pytest.approx(percent / 100 * len(shop.pairs), rel=0.25)
    assert edges_of(false) == {(b, a, kind) for a, b, kind in edges_of(false)}


def test_exchanged_relations_move_pairs_and_add_none(shop: TrainingSet) -> None:
    lied, before = edges_of(told(shop, "exchanged-40")), edges_of(shop.pairs)
    moved = lied - before
    assert {(a, b) for a, b, _ in lied} == {(a, b) for a, b, _ in before}
    assert all((a, b, KINDS[kind == KINDS[0]]) in before for a, b, kind in moved)
    assert len(moved) == pytest.approx(0.4 * len(before), rel=0.35), "less the pairs that stood in both types"


def test_bots_join_all_of_their_ring_as_complements() -> None:
    shop = make_set(SIZE, [(0, 1, "complement"), (1, 0, "complement"), (2, 3, "substitute")])
    added = edges_of(told(shop, "bots")) - edges_of(shop.pairs)
    members = {a for a, _, _ in added}
    assert len(members) == BOTS
    assert {kind for *_, kind in added} == {"complement"}
    assert len(added | edges_of(shop.pairs)) >= BOTS * (BOTS - 1)


def test_a_mislabelled_category_is_wrong_inside_and_nowhere_else(shop: TrainingSet) -> None:
    changed = edges_of(told(shop, "mislabelled")) - edges_of(shop.pairs)
    assert changed
    assert len({k % 4 for a, b, _ in changed for k in (a, b)}) == 1
