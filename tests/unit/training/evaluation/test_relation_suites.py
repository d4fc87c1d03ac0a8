"""Which pairs are tested, and which are refused."""

from dataclasses import replace

import numpy as np
import pytest

from goeswith.errors import DataContractError
from tests.unit.training.evaluation.small_worlds import make_pairs, make_world
from training.bundle_cases import leave_one_out
from training.dataset import TrainingSet
from training.evaluation.relation_suites import basket_pairs, cold_edges, held_out_edges, relation_suites, strict_training_set
from training.evaluation.truth import Truth
from training.evaluation.world import World
from training.reserved import Reserved

NO_CONFLICT = np.zeros(10, dtype=np.bool_)


def slices(world: World, kind: str) -> dict[str, list[tuple[int, int]]]:
    found = relation_suites(world, kind, max_cases=100, seed=0)
    return {suite.slice: list(zip(suite.cases.src.tolist(), suite.cases.dst.tolist(), strict=True)) for suite in found}


def test_held_out_edges_are_tested_under_their_own_type() -> None:
    world = make_world([(5, 6, "complement")], (("also_bought", "i00", "i01"), ("also_viewed", "i02", "i03")))
    assert slices(world, "complement") == {"warm": [(0, 1)], "warm_strict": [(0, 1)], "full_catalogue": [(0, 1)]}
    assert slices(world, "substitute")["warm"] == [(2, 3)]


def test_a_tested_pair_that_stands_in_training_of_its_relation_is_refused() -> None:
    world = make_world([(1, 0, "complement")], (("co_purchase", "i00", "i01"),))
    with pytest.raises(DataContractError, match=r"'i00' and 'i01' stands in training"):
        held_out_edges(world, "complement")


def test_a_pair_that_another_relation_gives_away_is_not_tested() -> None:
    world = make_world([(0, 1, "complement")], (("bought_together", "i00", "i01"), ("bought_together", "i02", "i03")))
    assert slices(world, "complement")["warm"] == [(2, 3)]


def test_neither_known_nor_tested_neighbours_are_negatives() -> None:
    world = make_world([(0, 5, "complement")], (("also_bought", "i00", "i01"),))
    assert held_out_edges(world, "complement").known[0].indices.tolist() == [1, 5]


def test_strict_takes_the_tested_pair_out_of_the_other_relation_too() -> None:
    world = make_world([(1, 0, "substitute"), (2, 3, "substitute")], (("also_bought", "i00", "i01"),))
    pairs = strict_training_set(world, "complement").pairs
    assert list(zip(pairs.src.tolist(), pairs.dst.tolist(), strict=True)) == [(2, 3)]


def test_cold_edges_are_those_of_reserved_items_in_the_full_graph() -> None:
    world = make_world([(5, 6, "complement")])
    full = TrainingSet("full", world.training.items, make_pairs([(0, 1, "complement"), (5, 6, "complement")]))
    reserved = Reserved(frozenset(), frozenset(), frozenset({"i00"}), ())
    found = cold_edges(replace(world, full=full, test=reserved), "complement")
    assert list(zip(found.src.tolist(), found.dst.tolist(), strict=True)) == [(0, 1)]


def test_without_held_out_edges_complements_are_tested_on_pairs_of_held_out_baskets() -> None:
    world = make_world([(5, 6, "complement")])
    baskets = leave_one_out([[0, 1]], np.full(1, np.datetime64("NaT", "us")), max_cases=5, seed=0)
    assert "held_baskets" in slices(replace(world, test_bundles=baskets), "complement")


def test_known_edges_are_looked_at_by_how_often_the_true_item_is_known() -> None:
    ends = [*((9, other) for other in range(2, 9)), (3, 4), (5, 6), (7, 8), (3, 5)]
    world = make_world([(a, b, "complement") for a, b in ends], (("also_bought", "i00", "i09"), ("also_bought", "i01", "i02")))
    warm = next(suite for suite in relation_suites(world, "complement", max_cases=100, seed=0) if suite.slice == "warm")
    named = {name: [int(item) for item in warm.cases.dst[mask]] for name, mask in warm.parts.items()}
    assert named == {"head": [9], "tail": [2]}


def test_where_training_holds_no_edge_every_true_item_is_of_the_tail() -> None:
    world = make_world([], (("also_bought", "i00", "i01"),))
    warm = next(suite for suite in relation_suites(world, "complement", max_cases=100, seed=0) if suite.slice == "warm")
    assert list(warm.parts) == ["tail"]


def test_pairs_of_baskets_are_looked_at_by_whether_both_are_of_one_kind() -> None:
    baskets = leave_one_out([[0, 1, 2]], np.full(1, np.datetime64("NaT", "us")), max_cases=5, seed=0)
    world = make_world([(5, 6, "complement")])
    items = replace(world.training.items, categories=(("pan",), ("pan",), ("lid",), *((),) * 7))
    world = replace(world, training=replace(world.training, items=items), test_bundles=baskets)
    suite = next(suite for suite in relation_suites(world, "complement", max_cases=100, seed=0))
    other = {
        frozenset((int(a), int(b)))
        for a, b in zip(suite.cases.src[suite.parts["other_kind"]], suite.cases.dst[suite.parts["other_kind"]], strict=True)
    }
    assert other == {frozenset((0, 2)), frozenset((1, 2))}


def test_basket_pairs_leave_out_what_training_joins() -> None:
    world = make_world([(0, 1, "complement")])
    cases = leave_one_out([[0, 1, 2]], np.full(1, np.datetime64("NaT", "us")), max_cases=100, seed=0)
    found = basket_pairs(cases, world.training)
    assert set(zip(found.src.tolist(), found.dst.tolist(), strict=True)) == {(0, 2), (2, 0), (1, 2), (2, 1)}


def test_planted_truth_is_split_by_what_training_knows() -> None:
    pairs = (np.array([0, 2, 9, 4]), np.array([1, 3, 1, 5]))
    truth = Truth({"complement": pairs, "substitute": pairs}, (), NO_CONFLICT)
    found = slices(make_world([(0, 1, "complement"), (2, 8, "complement"), (4, 8, "complement"), (5, 4, "substitute")], truth=truth), "complement")
    assert found["planted"] == [(2, 3), (4, 5)]
    assert found["planted_all"] == [(0, 1), (2, 3), (9, 1), (4, 5)]
    assert found["cold"] == [(9, 1)]


def test_direction_is_asked_only_of_pairs_that_go_one_way() -> None:
    truth = Truth({"complement": (np.array([0, 1, 2]), np.array([1, 0, 3])), "substitute": (np.array([], int), np.array([], int))}, (), NO_CONFLICT)
    assert slices(make_world([(7, 8, "complement")], truth=truth), "complement")["direction"] == [(2, 3)]


def test_noise_edges_stay_negatives_of_planted_truth() -> None:
    truth = Truth({"complement": (np.array([0]), np.array([1])), "substitute": (np.array([0]), np.array([1]))}, (), NO_CONFLICT)
    world = make_world([(0, 7, "complement")], truth=truth)
    suite = next(s for s in relation_suites(world, "complement", max_cases=10, seed=0) if s.slice == "planted")
    assert suite.cases.known[0].indices.tolist() == [1]
