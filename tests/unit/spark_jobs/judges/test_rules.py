"""The offline judge: symmetric, graded, and honest about knowing nothing."""

import math

from hypothesis import given
from hypothesis import strategies as st

from goeswith.pair_judge.item import Item
from spark_jobs.judges.base import ItemPair
from spark_jobs.judges.rules import RulesJudge, judge_pair

RACKET = Item(title="Graphite racket", brand="Ace", category=("sport", "tennis", "racket"), price=100.0)
OTHER_RACKET = Item(title="Graphite racket light", brand="Smash", category=("sport", "tennis", "racket"), price=110.0)
BALLS = Item(title="Three balls", brand="Ace", category=("sport", "tennis", "balls"), price=6.0)
PAN = Item(title="Frying pan", brand="Iron", category=("kitchen", "pans"), price=30.0)

words = st.one_of(st.none(), st.text(alphabet="ab ", max_size=6))
items = st.builds(
    Item,
    title=words,
    brand=words,
    category=st.lists(st.sampled_from(["sport", "tennis", "balls"]), max_size=3).map(tuple),
    attributes=st.lists(st.tuples(st.just("colour"), st.sampled_from(["red", "blue"])), max_size=2).map(tuple),
    price=st.one_of(st.none(), st.floats(min_value=0, max_value=1e7)),
)


def test_items_of_one_narrowest_category_are_substitutes() -> None:
    verdict = judge_pair(ItemPair(RACKET, OTHER_RACKET))
    assert verdict.label == "substitute"
    assert verdict.reason == "rule same_category: both are 'racket', brands differ"


def test_other_categories_of_one_department_are_complements() -> None:
    verdict = judge_pair(ItemPair(RACKET, BALLS))
    assert verdict.label == "complement"
    assert "below 'tennis'" in verdict.reason


def test_items_of_different_departments_are_neither() -> None:
    assert judge_pair(ItemPair(RACKET, PAN)).label == "neither"


def test_a_closer_common_category_makes_a_complement_likelier() -> None:
    far = Item(title="Running shoe", category=("sport", "running", "shoe"))
    assert judge_pair(ItemPair(RACKET, BALLS)).p_complement > judge_pair(ItemPair(RACKET, far)).p_complement


def test_prices_that_are_far_apart_make_a_substitute_less_likely() -> None:
    toy = Item(title="Graphite racket light", brand="Smash", category=RACKET.category, price=9.0)
    assert judge_pair(ItemPair(RACKET, toy)).p_substitute < judge_pair(ItemPair(RACKET, OTHER_RACKET)).p_substitute - 0.1


def test_like_titles_stand_in_for_missing_categories() -> None:
    left, right = Item(title="red cotton shirt"), Item(title="blue cotton shirt")
    assert judge_pair(ItemPair(left, right)).label == "substitute"
    assert judge_pair(ItemPair(left, Item(title="leather belt"))).label != "substitute"


def test_without_titles_and_categories_the_verdict_is_uniform_and_says_so() -> None:
    verdict = judge_pair(ItemPair(Item(brand="Ace"), RACKET))
    assert verdict.p_substitute == verdict.p_complement == verdict.p_neither
    assert verdict.reason.startswith("nothing to judge by")


@given(items, items)
def test_probabilities_sum_to_one_and_no_order_of_the_items_changes_them(left: Item, right: Item) -> None:
    there, back = RulesJudge().judge([ItemPair(left, right), ItemPair(right, left)])
    chances = (there.p_substitute, there.p_complement, there.p_neither)
    assert chances == (back.p_substitute, back.p_complement, back.p_neither)
    assert math.isclose(sum(chances), 1.0)
    assert all(0 <= p <= 1 for p in chances)
