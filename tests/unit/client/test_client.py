"""Answers say where they come from; the fallback chain is walked in its order and says why."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from goeswith_client import (
    Answer,
    Client,
    ClientConfig,
    Evidence,
    FeaturesUnavailable,
    Filters,
    FreshnessError,
    InvalidRequest,
    ModelUnavailable,
    UnknownItem,
)
from goeswith_client.answers import TYPES, Type
from goeswith_client.limits import MAX_IMAGE_BYTES, MAX_K
from goeswith_client.reasons import MAX_PAIRS
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_pictures import png_that_claims


def make(features: DictFeatures | None = None, models: FakeModels | None = None, **config: object) -> Client:
    return Client(ClientConfig.model_validate(config), features=features or DictFeatures(), models=models or FakeModels())


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def test_precomputed_neighbours_answer_without_the_model() -> None:
    features, models = DictFeatures(), FakeModels(rank_all())
    features.rank("substitute", "i0", ["i2", "i4", "i6"])
    answer = make(features, models).substitutes("i0", k=2)
    assert (ids(answer), answer.source, models.asked) == (["i2", "i4"], "precomputed", [])
    assert (answer.versions.release, answer.versions.model_version) == ("r1", "m1")
    assert answer.versions.features_age_s == pytest.approx(3600, abs=5)
    assert (answer.items[0].title, answer.items[0].price, answer.items[0].reason) == ("item 2", 2.0, "bought together 5 times")


def test_without_neighbours_the_model_answers_and_the_note_says_why() -> None:
    answer = make(models=FakeModels(rank_all())).complements("i0", k=3)
    assert (ids(answer), answer.source, answer.versions.model_version) == (["i1", "i2", "i3"], "model", "7")
    assert answer.notes == ("no precomputed neighbours",)


def test_an_answer_from_content_alone_says_so() -> None:
    answer = make(models=FakeModels(rank_all("content"))).substitutes("i0", k=3)
    assert answer.source == "content"
    assert {item.reason for item in answer.items} == {"similar in content"}


def test_with_triton_away_a_part_of_the_precomputed_is_still_an_answer() -> None:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i2", "i4"])
    answer = make(features).substitutes("i0", k=5)
    assert (ids(answer), answer.source) == (["i2", "i4"], "precomputed")
    assert any("Triton" in note for note in answer.notes)


def test_the_last_step_is_what_sells_best_in_the_category() -> None:
    features = DictFeatures()
    features.best = {"racket": ["i0", "i4", "i2"], "": ["i0", "i4", "i1", "i3"]}
    client = make(features)
    substitutes, complements = client.substitutes("i0", k=5), client.complements("i0", k=5)
    assert (ids(substitutes), substitutes.source) == (["i4", "i2"], "category_bestseller")
    assert (ids(complements), complements.source) == (["i1", "i3"], "category_bestseller")


def test_where_nothing_answers_the_error_says_what_was_tried() -> None:
    with pytest.raises(ModelUnavailable, match="no precomputed neighbours; Triton at nowhere"):
        make().substitutes("i0")


def test_price_and_stock_widen_the_search_until_k_are_found() -> None:
    features, models = DictFeatures(), FakeModels(rank_all(count=20))
    features.known |= {f"i{n}": features.known[f"i{n}"].model_copy(update={"available": False}) for n in range(1, 6)}
    answer = make(features, models).substitutes("i0", k=3, filters=Filters(in_stock=True, max_price=12.0))
    assert ids(answer) == ["i6", "i8", "i9"]
    assert [values["k"] for _, values in models.asked] == [6, 24], "twice as many at once, for some will not do"


def test_widening_ends_where_the_model_has_no_more() -> None:
    models = FakeModels(rank_all(count=20))
    answer = make(models=models).substitutes("i0", k=10, filters=Filters(max_price=1.0))
    assert ids(answer) == ["i1"]
    assert [values["k"] for _, values in models.asked] == [20]


def test_category_and_brand_go_into_the_models_search() -> None:
    models = FakeModels(rank_all())
    answer = make(models=models).substitutes("i0", k=2, filters=Filters(category="sport > balls", brand="b1"))
    assert ids(answer) == ["i1", "i7"]
    assert (models.asked[0][1]["category_filter"], models.asked[0][1]["brand_filter"]) == ("sport > balls", "b1")


def test_filters_hold_for_precomputed_neighbours_too() -> None:
    features = DictFeatures()
    features.rank("complement", "i0", ["i1", "i3", "i5", "i7"])
    assert ids(make(features).complements("i0", k=4, filters=Filters(in_stock=True))) == ["i1", "i5"]


def test_an_answer_says_of_each_item_whether_it_is_sure() -> None:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i2", "i4", "i6"], sure=2)
    assert [item.sure for item in make(features).substitutes("i0", k=3).items] == [True, True, False]


@pytest.mark.parametrize(("sure", "expected"), [(2, ["i2", "i4"]), (0, [])])
def test_where_only_sure_answers_are_asked_for_nothing_else_fills_their_places(sure: int, expected: list[str]) -> None:
    features, models = DictFeatures(), FakeModels(rank_all())
    features.best = {"racket": ["i8"]}
    features.rank("substitute", "i0", ["i2", "i4", "i6"], sure=sure)
    answer = make(features, models).substitutes("i0", k=3, filters=Filters(sure=True))
    assert (ids(answer), models.asked) == (expected, [])
    assert answer.notes == (f"sure precomputed neighbours fill {sure} of 3 places",)


def test_a_bundle_has_no_threshold_to_be_sure_by() -> None:
    for ask in (make().bundle, lambda _, filters: make().make_bundle("i0", filters=filters)):
        with pytest.raises(InvalidRequest, match="sure answers only"):
            ask(["i0"], filters=Filters(sure=True))


def test_an_item_that_the_shop_no_longer_knows_drops_out() -> None:
    features = DictFeatures()
    features.rank("substitute", "i0", ["gone", "i4"])
    assert ids(make(features).substitutes("i0", k=1)) == ["i4"]


def test_an_unknown_item_is_named() -> None:
    client = make(models=FakeModels(rank_all()))
    for ask in (
        lambda: client.substitutes("nope"),
        lambda: client.bundle(["i0", "nope"]),
        lambda: client.explain("i0", "nope"),
        lambda: client.item("nope"),
    ):
        with pytest.raises(UnknownItem, match="'nope'") as caught:
            ask()
        assert caught.value.item_id == "nope"


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 10**9])
def test_k_is_bounded_before_anything_is_asked(k: int) -> None:
    models = FakeModels(rank_all())
    client = make(models=models)
    for ask in (client.substitutes, client.complements, lambda _, k: client.bundle(["i0"], k), lambda _, k: client.new_item(title="x", k=k)):
        with pytest.raises(InvalidRequest, match=f"k is {k}"):
            ask("i0", k)
    assert models.asked == []


def test_old_features_are_refused_with_their_age() -> None:
    client = make(DictFeatures(age=timedelta(days=8)), FakeModels(rank_all()))
    with pytest.raises(FreshnessError, match=r"8\.0 days"):
        client.substitutes("i0")
    assert make(DictFeatures(age=timedelta(days=8)), FakeModels(rank_all()), max_age=timedelta(days=9)).substitutes("i0").items


def test_a_bundle_is_completed_by_the_model_without_what_is_given() -> None:
    models = FakeModels(rank_all())
    answer = make(models=models).bundle(["i0", "i1", "i0"], k=2)
    assert (ids(answer), answer.source, answer.query) == (["i2", "i3"], "model", ("i0", "i1"))
    assert models.asked[0][1]["given"] == ["i0", "i1"]


def test_without_the_model_a_bundle_gets_what_goes_with_its_items() -> None:
    features = DictFeatures()
    features.rank("complement", "i0", ["i5", "i1", "i7"])
    features.rank("complement", "i1", ["i7"])
    answer = make(features).bundle(["i0", "i1"], k=5)
    assert (ids(answer), answer.source) == (["i7", "i5"], "precomputed")
    with pytest.raises(ModelUnavailable):
        make().bundle(["i0"])


@pytest.mark.parametrize("given", [[], [f"i{n}" for n in range(51)]])
def test_a_bundle_of_none_or_too_many_is_refused(given: list[str]) -> None:
    with pytest.raises(InvalidRequest, match=f"a bundle of {len(given)} given items"):
        make().bundle(given)


def test_a_new_item_is_answered_in_one_request(tmp_path: Path) -> None:
    picture = tmp_path / "new.png"
    picture.write_bytes(png_that_claims(8, 8))
    models = FakeModels(rank_all("cold_start"))
    answer = make(models=models).new_item(title="red racket", category="sport > racket", image=picture, type="complement", k=2)
    assert (ids(answer), answer.source, answer.query) == (["i0", "i1"], "model", ("red racket",))
    assert [(model, values["image"], values["type"]) for model, values in models.asked] == [("new_item", png_that_claims(8, 8), "complement")]
    with pytest.raises(ModelUnavailable):
        make().new_item(title="x")


@pytest.mark.parametrize(
    "question",
    [{}, {"title": "x", "type": "friend"}, {"image": Path("/nowhere.png")}, {"image": b"x" * (MAX_IMAGE_BYTES + 1)}, {"title": "x" * 20_001}],
    ids=["nothing", "type", "no file", "large picture", "long title"],
)
def test_a_new_item_that_no_model_could_take_is_refused(question: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        make(models=FakeModels(rank_all())).new_item(**question)  # type: ignore[arg-type]  # wrong on purpose


def test_an_explanation_holds_edges_lists_modalities_and_versions() -> None:
    features = DictFeatures()
    features.rank("complement", "i0", ["i3", "i1"])
    edge = {"weight": 0.5, "relation": "co_purchase", "n": 12, "lift": 4.12, "judge": "rules", "prompt_hash": "3f9a", "p_type": 0.9}
    features.held = [Evidence.model_validate({"type": "complement", "src": "i0", "dst": "i1", **edge})]
    found = make(features).explain("i0", "i1")
    assert found.reasons == (
        "i0 -> i1, complement: bought together 12 times, lift 4.1; judged by rules: complement with probability 0.90",
        "place 2 among the complements of i0: bought together 5 times",
    )
    assert (found.modalities, found.versions.release, found.listed[0].rank) == (("text", "image"), "r1", 2)
    assert (found.edges[0].prompt_hash, found.tables) == ("3f9a", {})
    assert make().explain("i0", "i1").reasons == ("no edge and no list holds this pair",)


def test_health_never_raises() -> None:
    fine, ill = make(models=FakeModels(rank_all())).health(), make(DictFeatures(age=timedelta(days=30))).health()
    assert (fine.features, fine.triton, fine.models, fine.breaker) == (True, True, {"relations": True}, "closed")
    assert (ill.features, ill.triton) == (False, False)
    assert "30.0 days" in ill.notes[0]


def test_a_client_without_a_feature_store_says_what_to_set() -> None:
    with pytest.raises(FeaturesUnavailable, match=r"ClientConfig\.features"):
        Client()


def edge(src: str, dst: str, n: int, *, type: Type = "complement") -> Evidence:
    return Evidence(type=type, src=src, dst=dst, weight=n / 10, relation="co_purchase", n=n, lift=2.0)


def test_a_completed_bundle_says_with_which_given_items_each_one_was_bought() -> None:
    features = DictFeatures()
    features.held = [edge("i0", "i2", 5), edge("i1", "i2", 1), edge("i0", "i3", 9, type="substitute")]
    reasons = {item.item_id: item.reason for item in make(features, FakeModels(rank_all())).bundle(["i0", "i1"], k=2).items}
    assert reasons["i2"] == "goes with i0: bought together 5 times, lift 2.0; with i1: bought together once, lift 2.0"
    assert reasons["i3"].startswith("the model: what is bought or put together")


def test_a_new_items_answer_says_what_similar_items_were_bought_with_it() -> None:
    features = DictFeatures()
    features.held = [edge("i0", "i2", 5), edge("i0", "i1", 3, type="substitute")]
    answer = make(features, FakeModels(rank_all("cold_start"))).new_item(title="x", type="complement", k=3)
    reasons = {item.item_id: item.reason for item in answer.items}
    assert reasons == {
        "i0": "among the items most similar to it in text and picture",
        "i1": "the model, by what users did with similar items (i0)",
        "i2": "like i0: bought together 5 times, lift 2.0",
    }


def test_pairs_that_are_looked_up_for_reasons_are_bounded() -> None:
    features = DictFeatures(count=60)
    asked: list[int] = []
    held = features.edges
    features.edges = lambda pairs, types=TYPES: asked.append(len(pairs)) or held(pairs, types)  # type: ignore[method-assign, func-returns-value]  # counts
    make(features, FakeModels(rank_all(count=60))).bundle([f"i{n}" for n in range(10)], k=50)
    assert asked == [MAX_PAIRS]


def test_precomputed_and_model_answers_name_their_models_in_one_way(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"run": "m1", "version": 7}', encoding="utf-8")
    features = DictFeatures()
    features.rank("substitute", "i0", ["i2"])
    client = make(features, FakeModels(rank_all()), manifest=manifest)
    assert client.substitutes("i0", k=1).versions.model_version == "m1/7"
    assert client.complements("i0", k=1).versions.model_version == "m1/7"
    manifest.write_text('{"run": "m2", "version": 8}', encoding="utf-8")
    os.utime(manifest, ns=(1, 1))
    assert client.substitutes("i0", k=1).versions.model_version == "m1"
    assert client.health().versions.model_version == "m2/8"
