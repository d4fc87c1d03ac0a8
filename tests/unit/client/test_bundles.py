"""Bundles that a caller would show: mixed, without two of one product, within the budget, and honest about what is missing."""

import pytest

from goeswith_client import Answer, Client, ClientConfig, Filters, InvalidRequest, ModelUnavailable, UnknownItem
from tests.tiny_client import DictFeatures, FakeModels, rank_all

KINDS = ("racket", "balls", "bag", "shoe", "shirt")


def shop() -> DictFeatures:
    """Return 20 items of five kinds in turn; i0 and i1 are one product, prices 0, 1, …"""
    features = DictFeatures()
    for n, (item_id, item) in enumerate(features.known.items()):
        variant = "p0" if n < 2 else None
        features.known[item_id] = item.model_copy(update={"category": ("sport", KINDS[n % 5]), "variant_of": variant, "available": True})
    return features


def make(features: DictFeatures | None = None, models: FakeModels | None = None) -> Client:
    return Client(ClientConfig(), features=features or shop(), models=models or FakeModels(rank_all()))


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def test_variants_of_given_items_are_left_out_where_asked() -> None:
    assert ids(make().bundle(["i0"], k=2)) == ["i1", "i2"]
    assert ids(make().bundle(["i0"], k=2, filters=Filters(no_variants=True))) == ["i2", "i3"]


def test_so_many_of_a_kind_and_no_more() -> None:
    assert ids(make().bundle(["i0"], k=10, filters=Filters(per_category=1))) == ["i1", "i2", "i3", "i4", "i5"]


def test_a_filtered_completion_asks_wider_until_it_has_enough() -> None:
    models = FakeModels(rank_all(count=20))
    answer = make(models=models).bundle(["i0"], k=2, filters=Filters(brand="b1", category="bag"))
    assert ids(answer) == ["i7"]
    assert [asked["k"] for _, asked in models.asked] == [14, 56], "then none is left"


def test_a_bundle_grows_by_one_kind_after_another() -> None:
    models = FakeModels(rank_all())
    answer = make(models=models).make_bundle("i0", size=4)
    assert (ids(answer), answer.query, answer.type, answer.notes) == (["i2", "i3", "i4"], ("i0",), "made_bundle", ())
    assert [values["given"] for _, values in models.asked] == [["i0"], ["i0", "i2"], ["i0", "i2", "i3"]]


def test_a_bundle_stays_within_its_budget_and_says_where_it_ends() -> None:
    answer = make().make_bundle("i1", size=4, budget=7.0)
    assert ids(answer) == ["i2", "i3"], "1 + 2 + 3, and 4 is more than is left"
    assert answer.notes == ("nothing of another kind completes these 3 items for 1.00",)


def test_a_seed_that_nobody_knows_the_price_of_is_said() -> None:
    features = shop()
    features.known["i1"] = features.known["i1"].model_copy(update={"price": None})
    assert "nobody knows what i1 costs" in make(features).make_bundle("i1", size=2, budget=7.0).notes[0]


def test_without_the_model_a_bundle_is_made_of_what_goes_with_its_items() -> None:
    features = shop()
    features.rank("complement", "i0", ["i2", "i7", "i4"])
    answer = make(features, FakeModels()).make_bundle("i0", size=3)
    assert (ids(answer), answer.source) == (["i2", "i4"], "precomputed")
    assert answer.notes == ("Triton at nowhere did not answer",)
    with pytest.raises(ModelUnavailable):
        make(models=FakeModels()).make_bundle("i3")


@pytest.mark.parametrize("size", [1, 11])
def test_a_bundle_of_one_or_of_too_many_is_refused(size: int) -> None:
    with pytest.raises(InvalidRequest, match=f"a bundle of {size} items"):
        make().make_bundle("i0", size=size)


def test_an_unknown_seed_is_named() -> None:
    with pytest.raises(UnknownItem, match="nobody"):
        make().make_bundle("nobody")
