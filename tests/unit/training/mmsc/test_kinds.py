"""Complements kind by kind: which kinds come first, and which items within each."""

from dataclasses import replace

import numpy as np

from tests.unit.training.evaluation.small_worlds import make_items
from tests.unit.training.mmsc.tiny import pairs_of
from training.dataset import Items
from training.mmsc.kinds import learn_kinds
from training.mmsc.places import NOTHING, Neighbours

GRIPS = (6, 7)


def shop(*kinds: str) -> Items:
    return replace(make_items([f"thing {i}" for i in range(len(kinds))]), categories=tuple(("sport", kind) if kind else () for kind in kinds))


SHOP = shop("racket", "racket", "ball", "ball", "ball", "ball", "grip", "grip")


def listed(found: Neighbours) -> list[int]:
    return [int(i) for i in found.items[0][found.scores[0] > NOTHING]]


def ranked(*places: tuple[int, float]) -> Neighbours:
    return Neighbours(np.array([[item for item, _ in places]]), np.array([[score for _, score in places]], np.float32))


BALLS_FIRST = ranked((2, 0.9), (3, 0.8), (4, 0.7), (5, 0.6), (6, 0.5), (7, 0.4))


def test_the_kinds_that_go_with_a_kind_take_turns_each_by_its_best_items() -> None:
    both = learn_kinds(SHOP, pairs_of((0, 2, "c"), (1, 6, "c")))
    mixed = ranked((2, 0.9), (3, 0.8), (6, 0.7), (4, 0.6), (5, 0.5), (7, 0.4))
    assert listed(both.seat(mixed, np.array([0]), 4)) == [2, 6, 3, 4], "votes: 3/4 + 1/2 for balls, 1/4 + 1/2 for grips"


def test_where_no_edge_tells_what_goes_with_a_kind_the_best_places_do() -> None:
    nothing = learn_kinds(SHOP, pairs_of())
    assert listed(nothing.seat(BALLS_FIRST, np.array([0]), 4)) == [2, 3, 4, 5]


def test_what_goes_with_a_kind_holds_for_an_item_that_has_no_edge_of_its_own() -> None:
    grips = learn_kinds(SHOP, pairs_of(*((1, grip, "c") for grip in GRIPS)))
    assert listed(grips.seat(BALLS_FIRST, np.array([0]), 2)) == [2, 6]


def test_without_categories_the_scores_alone_decide() -> None:
    plain = learn_kinds(shop(*[""] * 8), pairs_of((0, 6, "c")))
    assert listed(plain.seat(BALLS_FIRST, np.array([0]), 6)) == [2, 3, 4, 5, 6, 7]


def test_an_empty_place_is_never_seated_before_an_item() -> None:
    some = ranked((2, 0.9), (6, 0.5), (3, NOTHING), (7, NOTHING))
    assert listed(learn_kinds(SHOP, pairs_of((0, 6, "c"))).seat(some, np.array([0]), 3)) == [6, 2]
