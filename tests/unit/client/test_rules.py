"""Merchandisers' rules hold for every kind of answer: bans keep out, pins stand where they say, and k places are filled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goeswith_client import Answer, Client, ClientConfig, Filters, ModelUnavailable, Rule
from goeswith_client.rulebook import compile_rules
from goeswith_client.rules import RuleBody
from tests.tiny_client import DictFeatures, FakeModels, rank_all

NOW = datetime.now(UTC)
ITEMS = [f"i{n}" for n in range(20)]


def ask_new(client: Client, k: int) -> Answer:
    return client.new_item(title="a ball", category="sport > balls", k=k)


ASK: dict[str, Callable[[Client, int], Answer]] = {
    "precomputed": lambda client, k: client.substitutes("i0", k),
    "complements": lambda client, k: client.complements("i0", k),
    "model": lambda client, k: client.substitutes("i2", k),
    "bestsellers": lambda client, k: client.substitutes("i4", k),
    "bundle": lambda client, k: client.bundle(["i0", "i2"], k),
    "made bundle": lambda client, k: client.make_bundle("i0", max(2, min(k, 10))),
    "new": ask_new,
}


def rule(number: int = 1, **said: Any) -> Rule:
    return Rule(rule_id=f"r{number}", **said)


def ban(item: str, number: int = 1, **more: Any) -> Rule:
    return rule(number, kind="ban", item=item, **more)


def pin(item: str, place: int, number: int = 1, **more: Any) -> Rule:
    return rule(number, kind="pin", item=item, position=place, **more)


def shop(*rules: Rule, models: FakeModels | None = None, kind: str = "") -> Client:
    """Return a client whose i0 has precomputed neighbours, and whose bestsellers answer where the models are away."""
    features = DictFeatures()
    features.rulebook = compile_rules(rules)
    for relation in ("substitute", "complement"):
        features.rank(relation, "i0", ITEMS[1:])
    features.best = {"racket": ITEMS, "": ITEMS}
    served = FakeModels() if kind == "bestsellers" else models or FakeModels(rank_all())
    return Client(ClientConfig(), features=features, models=served)


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


@pytest.mark.parametrize("kind", ASK)
def test_a_banned_item_is_in_no_answer_and_the_note_says_so(kind: str) -> None:
    usual = ASK[kind](shop(kind=kind), 3)
    first = ids(usual)[0]
    answer = ASK[kind](shop(ban(first, 7), kind=kind), 3)
    assert first not in ids(answer)
    assert len(answer.items) == len(usual.items)
    assert "1 answer left out by rule r7" in answer.notes
    assert answer.source == usual.source


@pytest.mark.parametrize("kind", ASK)
@given(banned=st.sets(st.sampled_from(ITEMS)), k=st.integers(1, 12))
def test_no_answer_ever_holds_a_banned_item_and_k_is_kept_while_some_are_left(kind: str, banned: set[str], k: int) -> None:
    client, usual = shop(*(ban(item, n) for n, item in enumerate(sorted(banned), 1)), kind=kind), set(ids(ASK[kind](shop(kind=kind), 20)))
    if kind == "bestsellers" and not usual - banned:
        with pytest.raises(ModelUnavailable):
            ASK[kind](client, k)
        return
    answer = ASK[kind](client, k)
    assert not banned & set(ids(answer))
    if kind != "made bundle":  # whose items are each of another kind
        assert len(answer.items) == min(k, len(usual - banned))


@pytest.mark.parametrize("kind", ["precomputed", "complements", "model", "bestsellers", "bundle"])
@given(places=st.dictionaries(st.sampled_from([i for i in ITEMS if int(i[1:]) % 4 != 3 and i not in ("i0", "i2", "i4")]), st.integers(1, 5)))
def test_pins_stand_where_they_say(kind: str, places: dict[str, int]) -> None:
    places = {item: place for place, item in {place: item for item, place in places.items()}.items()}  # one item a place
    asked = {"model": "i2", "bestsellers": "i4"}.get(kind, "i0")
    answer = ASK[kind](shop(*(pin(item, place, n, query_item=asked) for n, (item, place) in enumerate(places.items(), 1)), kind=kind), 8)
    assert len(answer.items) == len(set(ids(answer))) == 8
    for number, (item, place) in enumerate(places.items(), 1):
        assert answer.items[place - 1].item_id == item
        assert answer.items[place - 1].reason.startswith(f"pinned by rule r{number}")


def test_a_pinned_answer_of_the_models_keeps_its_score_and_reason() -> None:
    answer = shop(pin("i5", 1, query_item="i0", text="Our own brand")).substitutes("i0", 3)
    assert ids(answer) == ["i5", "i1", "i2"]
    assert (answer.items[0].score, answer.items[0].basis) == (0.96, "behaviour")
    assert answer.items[0].reason == "pinned by rule r1: Our own brand; bought together 5 times"


def test_an_item_that_nothing_else_found_is_pinned_without_a_score() -> None:
    one = FakeModels(lambda _model, _values: {"item_ids": ["i6"], "scores": [0.5], "source": ["behaviour"]})
    client = shop(pin("i5", 2, query_item="i2"), models=one)
    answer = client.substitutes("i2", 3)
    assert [(item.item_id, item.score, item.basis) for item in answer.items] == [("i6", 0.5, "behaviour"), ("i5", 0.0, "rule")]


@pytest.mark.parametrize(
    ("item", "filters"),
    [
        ("i7", Filters()),  # out of stock
        ("i9", Filters(max_price=5)),
        ("i5", Filters(brand="b1")),
        ("i5", Filters(category="racket")),
        ("nowhere", Filters()),
        ("i0", Filters()),  # the query itself
    ],
)
def test_a_pin_does_not_pass_what_the_caller_allows(item: str, filters: Filters) -> None:
    other = "i2" if item == "i0" else "i0"
    pinned = shop(pin(item, 1, query_category="sport"))
    assert ids(pinned.substitutes("i0", 3, filters)) == ids(shop().substitutes("i0", 3, filters))
    assert item == "i0" or item not in ids(pinned.substitutes(other, 1, filters))


def test_where_only_sure_answers_are_asked_for_a_pin_moves_one_and_adds_none() -> None:
    client = shop(pin("i3", 1, 1, query_item="i0"), pin("i2", 1, 2, query_item="i0"))
    client.features.rank("substitute", "i0", ["i1", "i2", "i4"], sure=2)  # type: ignore[attr-defined]
    assert ids(client.substitutes("i0", 3, Filters(sure=True))) == ["i2", "i1"]


def test_pins_for_a_category_hold_for_its_items_and_the_narrower_pin_stands_first() -> None:
    rules = [pin("i9", 1, 1, query_category="sport"), pin("i5", 1, 2, query_category="sport > racket"), pin("i6", 1, 3, query_item="i0")]
    assert ids(shop(*rules).substitutes("i0", 4))[:3] == ["i6", "i5", "i9"]
    assert ids(shop(*rules).substitutes("i1", 4))[0] == "i9"


def test_a_pin_is_an_answer_where_nothing_else_answers() -> None:
    answer = shop(pin("i5", 1, query_item="i1"), kind="bestsellers").complements("i1", 3)
    assert "i5" in ids(answer)
    lonely = Client(ClientConfig(), features=DictFeatures(), models=FakeModels())
    lonely.features.rulebook = compile_rules([pin("i5", 1, query_item="i1")])  # type: ignore[attr-defined]
    alone = lonely.substitutes("i1", 3)
    assert (ids(alone), alone.source) == (["i5"], "rules")
    assert (ids(lonely.bundle(["i1"], 3)), lonely.bundle(["i1"], 3).source) == (["i5"], "rules")
    with pytest.raises(ModelUnavailable):
        lonely.substitutes("i2", 3)


def test_a_made_bundle_takes_a_pin_at_its_place_only() -> None:
    features = DictFeatures()
    features.known = {item: found.model_copy(update={"category": (item,)}) for item, found in features.known.items()}
    client = Client(ClientConfig(), features=features, models=FakeModels(rank_all()))
    usual = ids(client.make_bundle("i0", 4))
    features.rulebook = compile_rules([pin("i9", 2, query_item="i0", type="bundle")])
    answer = client.make_bundle("i0", 4)
    assert ids(answer) == [usual[0], "i9", usual[1]]
    assert answer.items[1].reason.startswith("pinned by rule r1")


def test_a_ban_may_hold_for_one_query_or_one_type_alone() -> None:
    client = shop(ban("i1", query_item="i0", type="substitute"))
    assert "i1" not in ids(client.substitutes("i0", 3))
    assert "i1" in ids(client.complements("i0", 3))
    assert "i1" in ids(client.substitutes("i2", 3))


def test_a_pin_of_a_banned_item_does_nothing() -> None:
    assert "i5" not in ids(shop(pin("i5", 1, 1, query_item="i0"), ban("i5", 2)).substitutes("i0", 20))


APART = rule(kind="ban_category", query_category="racket", category="sport > balls")


@pytest.mark.parametrize(("asked", "both_ways", "kept_out"), [("i0", False, True), ("i1", False, False), ("i1", True, True)])
def test_categories_are_kept_apart_in_one_direction_or_both(asked: str, both_ways: bool, kept_out: bool) -> None:
    client = shop(APART.model_copy(update={"both_ways": both_ways}))
    others = {item.item_id for item in client.complements(asked, 8).items if item.category != client.item(asked).category}
    assert (not others) is kept_out


def test_categories_are_kept_apart_in_bundles_and_from_new_items() -> None:
    client = shop(rule(kind="ban_category", query_category="balls", category="racket"))
    assert {item.category[-1] for item in client.bundle(["i0", "i1"], 5).items} == {"balls"}
    assert {item.category[-1] for item in ask_new(client, 5).items} == {"balls"}
    assert client.make_bundle("i1", 3).items == ()


SENSITIVE = rule(kind="sensitive_category", category="balls")


@pytest.mark.parametrize("kind", ["precomputed", "complements", "model", "bestsellers", "bundle", "made bundle"])
def test_a_sensitive_category_stays_out_of_answers_about_others(kind: str) -> None:
    assert "balls" not in {item.category[-1] for item in ASK[kind](shop(SENSITIVE, kind=kind), 6).items}


def test_a_sensitive_category_answers_about_itself_and_never_meets_others_in_a_bundle() -> None:
    client = shop(SENSITIVE)
    assert "balls" in {item.category[-1] for item in client.substitutes("i1", 6).items}
    assert {item.category[-1] for item in client.bundle(["i1"], 6).items} == {"balls"}
    assert client.bundle(["i0", "i1"], 6).items == ()
    assert "balls" in {item.category[-1] for item in ask_new(client, 4).items}
    assert "balls" not in {item.category[-1] for item in client.new_item(title="a racket", k=4).items}


@pytest.mark.parametrize(
    ("valid", "holds"),
    [
        ({}, True),
        ({"valid_until": NOW - timedelta(minutes=1)}, False),
        ({"valid_from": NOW + timedelta(hours=1)}, False),
        ({"valid_from": NOW - timedelta(hours=1), "valid_until": NOW + timedelta(hours=1)}, True),
    ],
)
def test_a_rule_does_nothing_before_its_time_and_after_it(valid: dict[str, datetime], holds: bool) -> None:
    rules = [ban("i1", 1, **valid), rule(2, kind="sensitive_category", category="balls", **valid), pin("i4", 1, 3, query_item="i0", **valid)]
    found = ids(shop(*rules).substitutes("i0", 8))
    assert ("i1" not in found) is ("i5" not in found) is (found[0] == "i4") is holds


def test_what_nobody_would_have_seen_is_not_counted() -> None:
    answer = shop(ban("i2", 1), ban("i3", 12), ban("i19", 3)).substitutes("i0", 3)
    assert ids(answer) == ["i1", "i4", "i5"]
    assert answer.notes == ("2 answers left out by rules r1, r12",)


def test_where_rules_leave_nothing_the_note_says_so() -> None:
    answer = shop(*(ban(item, n) for n, item in enumerate(ITEMS, 1))).substitutes("i0", 3)
    assert answer.items == ()
    assert "19 answers left out by rules r2, r3" in answer.notes[-1]


def test_without_rules_nothing_is_asked_twice_nor_wider() -> None:
    client = shop()
    assert client.substitutes("i2", 3).notes == ("no precomputed neighbours",)
    assert [values["k"] for _, values in client.models.asked] == [3]  # type: ignore[attr-defined]


def test_the_model_is_asked_wider_until_k_are_found() -> None:
    client = shop(*(ban(item, n) for n, item in enumerate(ITEMS[3:15], 1)))
    assert len(client.substitutes("i2", 4).items) == 4
    assert [values["k"] for _, values in client.models.asked] == [8, 32]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"kind": "pin", "item": "a", "query_item": "b"}, "needs position"),
        ({"kind": "pin", "item": "a", "position": 1}, "needs query_item or query_category"),
        ({"kind": "pin", "item": "a", "position": 1, "query_item": "b", "query_category": "c"}, "not both"),
        ({"kind": "pin", "item": "a", "position": 0, "query_item": "b"}, "greater than or equal to 1"),
        ({"kind": "pin", "item": "a", "position": 1, "query_item": "a"}, "never stands in answers about itself"),
        ({"kind": "ban"}, "needs item"),
        ({"kind": "ban", "item": "a", "position": 1}, "has no position"),
        ({"kind": "ban", "item": "a", "both_ways": True}, "has no both_ways"),
        ({"kind": "ban_category", "category": "a"}, "needs query_category"),
        ({"kind": "sensitive_category", "category": "a", "type": "bundle"}, "has no type"),
        ({"kind": "ban", "item": "a\n"}, "pattern"),
        ({"kind": "ban", "item": "a", "text": "x" * 201}, "at most 200"),
        ({"kind": "ban", "item": "a", "valid_from": NOW, "valid_until": NOW}, "not after"),
        ({"kind": "ban", "item": "a", "valid_from": datetime(2026, 1, 1)}, "timezone"),
        ({"kind": "boost", "item": "a"}, "'pin'"),
    ],
)
def test_what_is_no_rule_is_refused_by_name(said: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        RuleBody(**said)
