"""The search of the served model ``relations``, in plain numpy: filters, exclusion, cold start, bounds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model_repository.ranking import MAX_K, check_k, pad, top
from model_repository.relations import Catalogue, Model, Question, belongs_elsewhere, check_kind
from model_repository.search import Search
from tests.tiny_models import shared_home
from tests.tiny_shop import RUN
from training.mmsc import neighbours

Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(shared_home() / "models" / RUN / "export" / "relations")


def ask(model: Model, *rows: tuple[str, str, int], candidates: Sequence[bytes] = (), **filters: bytes) -> Arrays:
    ids, kinds, k = zip(*rows, strict=True)
    inputs: Arrays = {
        "item_id": np.array([[i.encode()] for i in ids], dtype=np.object_),
        "type": np.array([[kind.encode()] for kind in kinds], dtype=np.object_),
        "k": np.array([[n] for n in k], dtype=np.int32),
        **{name: np.array([[value]] * len(ids), dtype=np.object_) for name, value in filters.items()},
        **({"candidates": np.array([candidates] * len(ids), dtype=np.object_)} if candidates else {}),
    }
    return model.answer(inputs)


def test_answers_are_the_largest_dot_products_in_order_less_what_belongs_to_the_other_relation(model: Model) -> None:
    at = model.catalogue.position(b"pan-red-0")
    scores, other = (model.searches[kind].vectors @ model.queries[kind][at] for kind in ("complement", "substitute"))
    elsewhere = neighbours.belongs_elsewhere(scores, other)
    assert elsewhere.any()
    scores[elsewhere] = -np.inf
    scores[at] = -np.inf
    found = ask(model, ("pan-red-0", "complement", 5))
    assert found["item_ids"][0].tolist() == model.catalogue.ids[np.argsort(-scores)[:5]].tolist()
    np.testing.assert_allclose(found["scores"][0], np.sort(scores)[::-1][:5], rtol=1e-6)


@pytest.mark.parametrize("item_id", ["pan-red-0", ""])
def test_no_item_is_a_substitute_and_a_complement_of_the_same_query(model: Model, item_id: str) -> None:
    content = model.cold_start.content["substitute"][0]
    lists = [set(model.catalogue.ids[model.relate(Question(item_id.encode(), content, kind, MAX_K)).at]) for kind in (b"substitute", b"complement")]
    assert not lists[0] & {item for item in lists[1] if item in above_the_mean(model, item_id, content)}


def above_the_mean(model: Model, item_id: str, content: np.ndarray[Any, Any]) -> set[bytes]:
    """Return the items that stand out in both relations to a query: each may be in one list only."""
    queries = model.query(item_id.encode(), content, "substitute")[0]
    standings = [neighbours.standing_of(model.searches[kind].vectors @ query) for kind, query in queries.items()]
    return set(model.catalogue.ids[(standings[0] > 0) & (standings[1] > 0)])


def test_a_relation_that_tells_nothing_apart_takes_no_item_away() -> None:
    alike = Search(np.ones((3, 4), dtype=np.float32))
    query = np.full(4, 0.1, dtype=np.float32)
    assert not belongs_elsewhere(np.array([0.9, 0.1, 0.5], dtype=np.float32), alike.standing(query, alike.vectors @ query)).any()


@given(arrays(np.float32, (31, 6), elements=st.floats(-1, 1, width=32).map(lambda x: round(x, 3))))
def test_a_score_stands_where_the_trainer_says_it_stands_by_all_products(rows: np.ndarray[Any, Any]) -> None:
    search, query = Search(rows[1:]), rows[0]
    scores = search.vectors @ query
    assume(scores.std() > 1e-3)
    np.testing.assert_allclose(search.standing(query, scores), neighbours.standing_of(scores), atol=1e-3)


def test_rows_of_one_request_are_answered_as_if_alone_and_the_shorter_ones_padded(model: Model) -> None:
    both = ask(model, ("pan-red-0", "substitute", 2), ("pen-blue-1", "complement", 4))
    alone = ask(model, ("pen-blue-1", "complement", 4))
    assert both["item_ids"].shape == (2, 4)
    assert both["item_ids"][1].tolist() == alone["item_ids"][0].tolist()
    assert both["item_ids"][0, 2:].tolist() == [b"", b""]
    assert both["source"][0, 2:].tolist() == [b"", b""]
    assert both["scores"][0, 2:].tolist() == [0.0, 0.0]


def test_a_filter_leaves_k_answers_where_there_are_so_many(model: Model) -> None:
    found = ask(model, ("pan-red-0", "substitute", 5), category_filter=b"office")["item_ids"][0]
    assert len(found) == 5
    assert all(item.startswith((b"pen-", b"notebook-")) for item in found)


def test_a_category_may_be_named_alone_or_by_its_path(model: Model) -> None:
    alone, path = (ask(model, ("pan-red-0", "substitute", 200), category_filter=name)["item_ids"][0] for name in (b"pen", b"office > pen"))
    assert alone.tolist() == path.tolist()
    assert len(alone)
    assert all(item.startswith(b"pen-") for item in alone)


def test_variants_of_the_query_are_left_out() -> None:
    items = {"ids": ["a", "b", "c"], "variants": [0, 0, 1], "categories": [[], [], []], "brands": ["", "", ""]}
    catalogue = Catalogue(items)
    assert [catalogue.family(at).tolist() for at in (0, 1, 2, None)] == [[0, 1], [0, 1], [2], []]


def test_an_item_without_edges_says_what_its_answer_rests_on(model: Model) -> None:
    sources = {ask(model, (item.decode(), "substitute", 1))["source"][0, 0] for item in model.catalogue.ids}
    assert b"behaviour" in sources
    assert sources & {b"cold_start", b"content"}


def test_a_new_item_borrows_from_near_items_only(model: Model) -> None:
    near = model.cold_start.content["substitute"][0]
    far = -model.cold_start.content["substitute"].mean(axis=0)
    assert model.query(b"", near, "substitute")[1] == 1
    assert model.query(b"", far / np.linalg.norm(far), "substitute")[1] == 0


def test_items_that_look_alike_lend_together_however_their_cosines_round(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    alike, rng = model.cold_start.content["substitute"].copy(), np.random.default_rng(3)
    content = alike[0].copy()
    alike[:] = content
    lent = []
    for _ in range(3):
        rounded = alike + rng.normal(0, 1e-7, alike.shape).astype(np.float32)
        monkeypatch.setitem(model.cold_start.content, "substitute", rounded)
        lent.append(model.cold_start.borrow(content, "substitute")[0])
    np.testing.assert_allclose(lent[0][0], model.cold_start.behaviour["substitute"].mean(axis=0), atol=1e-6)
    assert np.ptp(lent, axis=0).max() < 1e-6


@pytest.mark.parametrize("content", [None, np.full(24, np.nan, dtype=np.float32)])
def test_a_vector_that_is_missing_or_not_finite_is_refused(model: Model, content: np.ndarray[Any, Any] | None) -> None:
    with pytest.raises(ValueError, match="finite vector"):
        model.query(b"", content, "substitute")


def test_an_unknown_item_is_named(model: Model) -> None:
    with pytest.raises(ValueError, match="unknown item 'nobody'"):
        ask(model, ("nobody", "substitute", 3))


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 10**9])
def test_k_is_bounded(k: int) -> None:
    with pytest.raises(ValueError, match=f"k: {k}"):
        check_k(k)


def test_an_unknown_type_lists_the_legal_ones() -> None:
    with pytest.raises(ValueError, match="one of substitute, complement"):
        check_kind(b"\xff")


def test_top_leaves_out_what_is_masked_and_orders_ties_by_position() -> None:
    assert top(np.array([1.0, -np.inf, 3.0, 3.0], dtype=np.float32), 9).tolist() == [2, 3, 0]
    assert top(np.array([1.0, 5.0, 3.0], dtype=np.float32), 2).tolist() == [1, 2]


def test_nothing_found_is_an_empty_row() -> None:
    assert pad([np.array([], dtype=np.float32)], 0.0, np.float32).shape == (1, 0)


def test_a_new_item_names_the_warm_items_that_it_borrows_from_nearest_first_and_a_known_one_names_none(model: Model) -> None:
    content = model.cold_start.content["complement"][0]
    lenders = model.relate(Question(b"", content, b"complement", 3)).lenders
    cosines = model.cold_start.content["complement"] @ content
    assert lenders[0] == model.cold_start.warm["complement"][int(np.argmax(cosines))]
    assert set(lenders) <= set(model.cold_start.warm["complement"])
    assert ask(model, ("pan-red-0", "substitute", 2), ("pen-blue-1", "complement", 4))["similar"].tolist() == [[b""], [b""]]


def test_named_candidates_are_all_scored_variants_and_the_item_itself_too_and_unknown_ones_left_out(model: Model) -> None:
    named = [b"pan-red-0", b"pen-blue-1", b"nobody", b"pan-red-0", b"pan-blue-0"]
    found = ask(model, ("pan-red-0", "complement", 10), candidates=named)
    at = model.catalogue.positions((b"pan-red-0", b"pen-blue-1", b"pan-blue-0"))
    scores = model.searches["complement"].vectors @ model.queries["complement"][model.catalogue.position(b"pan-red-0")]
    order = at[np.argsort(-scores[at])]
    assert found["item_ids"][0].tolist() == model.catalogue.ids[order].tolist()
    np.testing.assert_allclose(found["standing"][0], neighbours.standing_of(scores)[order], atol=1e-4)


def test_candidates_and_a_filter_are_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="candidates"):
        ask(model, ("pan-red-0", "complement", 10), candidates=[b"pen-blue-1"], brand_filter=b"acme")
