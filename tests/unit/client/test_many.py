"""Questions about many items are answered as if each were asked alone, with few reads; pairs are scored in both relations."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from goeswith_client import Answer, Client, ClientConfig, InvalidRequest, Item, ModelRefused, ModelUnavailable, Neighbours, UnknownItem
from goeswith_client.limits import MAX_K, MAX_MANY, MAX_PAIRS
from tests.tiny_client import DictFeatures, FakeModels, rank_all


class CountedFeatures(DictFeatures):
    """Remembers which of its bulk reads were made."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def items(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Note the read."""
        self.reads.append("items")
        return super().items(item_ids)

    def neighbours(self, kind: str, item_ids: Sequence[str]) -> Mapping[str, Neighbours]:
        """Note the read."""
        self.reads.append("neighbours")
        return super().neighbours(kind, item_ids)


def make(features: DictFeatures, models: FakeModels | None = None) -> Client:
    return Client(ClientConfig(), features=features, models=models or FakeModels(rank_all()))


def test_each_item_has_the_answer_that_it_has_alone() -> None:
    features = DictFeatures()
    features.rank("complement", "i0", ["i1", "i3", "i5"])
    features.rank("complement", "i2", ["i7"])
    client, asked = make(features), ["i0", "i4", "i2", "i0"]
    found = client.complements_of_each(asked, k=3)
    alone = [client.complements(item, k=3) for item in asked]
    assert [(a.query, a.items, a.source, a.notes) for a in found if isinstance(a, Answer)] == [(a.query, a.items, a.source, a.notes) for a in alone]


def test_one_that_nobody_knows_spoils_no_other() -> None:
    found = make(DictFeatures()).substitutes_of_each(["i0", "nobody", "i2"], k=2)
    assert [type(each) for each in found] == [Answer, UnknownItem, Answer]


def test_what_is_listed_is_read_in_two_bulk_reads_however_many_are_asked_about() -> None:
    features = CountedFeatures()
    for n in range(8):
        features.rank("substitute", f"i{n}", ["i10", "i12", f"i{n + 8}"])
    make(features).substitutes_of_each([f"i{n}" for n in range(8)], k=3)
    assert features.reads == ["neighbours", "items"]


@pytest.mark.parametrize("asked", [[], ["i0"] * (MAX_MANY + 1), ["i0", ""], ["i0", "a\nb"]])
def test_too_few_too_many_or_what_is_no_id_is_refused(asked: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        make(DictFeatures()).substitutes_of_each(asked)


def score_by_number(model: str, values: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
    """Score each candidate by its number, in the complement relation the other way round; i9 is not in the model's catalogue."""
    assert model == "relations"
    numbers = {item: int(item[1:]) for item in values["candidates"] if item != "i9"}
    sign = 1 if values["type"] == "substitute" else -1
    ranked = sorted(numbers, key=lambda item: -sign * numbers[item])
    standing = [float(sign * (numbers[item] - 5)) for item in ranked]
    return {"item_ids": [*ranked, ""], "scores": [s / 10 for s in standing] + [0.0], "standing": [*standing, 0.0]}


def test_a_pair_has_both_relations_and_the_one_that_it_stands_out_in() -> None:
    found = make(DictFeatures(), FakeModels(score_by_number)).score([("i0", "i7"), ("i0", "i2"), ("i1", "i5"), ("i0", "i9")])
    assert [(pair.src, pair.dst, pair.type) for pair in found.pairs] == [
        ("i0", "i7", "substitute"),
        ("i0", "i2", "complement"),
        ("i1", "i5", None),
        ("i0", "i9", None),
    ]
    assert (found.pairs[0].substitute.score, found.pairs[0].complement.standing) == (0.2, -2.0)  # type: ignore[union-attr]
    assert (found.pairs[3].substitute, found.pairs[3].complement) == (None, None)
    assert found.versions.model_version == "7"


def test_pairs_of_one_item_are_one_question_a_relation() -> None:
    models = FakeModels(score_by_number)
    make(DictFeatures(), models).score([("i0", f"i{n}") for n in range(1, 9)] * 2)
    assert [(values["item_id"], values["type"], values["k"]) for _, values in models.asked] == [("i0", "substitute", 8), ("i0", "complement", 8)]


def test_more_candidates_than_one_question_may_have_are_several() -> None:
    features, models = DictFeatures(count=MAX_K + 20), FakeModels(score_by_number)
    found = make(features, models).score([("i0", f"i{n}") for n in range(1, MAX_K + 11)])
    assert len(found.pairs) == MAX_K + 10
    assert sorted({values["k"] for _, values in models.asked}) == [10, MAX_K]


@pytest.mark.parametrize("pairs", [[], [("i0", "i0")], [("i0", "i1", "i2")], ["ab"], [("i0", "")], [("i0", "i1")] * (MAX_PAIRS + 1)])
def test_what_is_no_pair_is_refused(pairs: Any) -> None:
    with pytest.raises(InvalidRequest):
        make(DictFeatures()).score(pairs)


def test_an_item_that_the_shop_does_not_know_is_named_and_nothing_stands_in_for_the_model() -> None:
    with pytest.raises(UnknownItem, match="nobody"):
        make(DictFeatures()).score([("i0", "nobody")])
    with pytest.raises(ModelUnavailable):
        make(DictFeatures(), FakeModels()).score([("i0", "i1")])


def test_an_item_that_the_model_refuses_has_no_score_and_a_note() -> None:
    def refuse(model: str, values: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        if values["item_id"] == "i3":
            raise ModelRefused("'relations' refused the request: unknown item 'i3'", "check ids")
        return score_by_number(model, values)

    found = make(DictFeatures(), FakeModels(refuse)).score([("i3", "i1"), ("i0", "i7")])
    assert (found.pairs[0].substitute, found.pairs[1].type) == (None, "substitute")
    assert len(found.notes) == 1
    assert "i3" in found.notes[0]
