"""Lists of neighbours: who may stand in them, and why an item does."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from tests.unit.training.mmsc.tiny import pairs_of
from training.dataset import Items, TrainingSet
from training.mmsc.evidence import Evidence, Likeness, build_evidence, explain
from training.mmsc.heuristics import PairFeatures
from training.mmsc.neighbours import family_codes, rank_all
from training.mmsc.places import NOTHING, Neighbours, best, without_stronger
from training.mmsc.scorer import MmscScorer
from training.mmsc.stored import StoredVectors


def items(variants: dict[int, str] | None = None, count: int = 6) -> Items:
    none = (None,) * count
    variant_of = tuple((variants or {}).get(i) for i in range(count))
    return Items(tuple(f"i{i}" for i in range(count)), none, none, ((),) * count, none, np.ones(count, np.float32), none, variant_of)


def set_of(of: Items) -> TrainingSet:
    return TrainingSet("full", of, pairs_of())


def scorer(of: Items, *edges: tuple[int, int, str]) -> MmscScorer:
    rng = np.random.default_rng(0)
    vectors = {
        n: rng.normal(size=(len(of), 4)) for n in ("substitute", "complement_source", "complement_target", "content", "plain_text", "plain_image")
    }
    unit = {name: (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for name, v in vectors.items()}
    return MmscScorer(StoredVectors(unit), PairFeatures(of, pairs_of(*edges)), {})


def test_an_item_its_variants_and_repeats_stay_out_and_no_item_is_in_both_lists() -> None:
    shop = items({0: "i1", 2: "parent", 3: "parent"})
    found = rank_all(scorer(shop, (0, 4, "s"), (4, 0, "s"), (0, 5, "c")), set_of(shop), 5)
    family = family_codes(shop)
    for query in range(6):
        lists = [set(n.items[query][n.scores[query] > NOTHING].tolist()) for n in found.values()]
        assert not lists[0] & lists[1]
        for kind, listed in zip(found, lists, strict=True):
            assert all(family[j] != family[query] for j in listed)
            assert len(listed) == int((found[kind].scores[query] > NOTHING).sum())


def test_a_known_edge_outranks_an_equal_stranger() -> None:
    shop = items()
    plain, known = scorer(shop), scorer(shop, (0, 4, "c"))
    src, candidates = np.array([0]), np.array([[4]])
    assert known.score("complement", src, candidates)[0, 0] > plain.score("complement", src, candidates)[0, 0]
    assert known.score("complement", np.array([4]), np.array([[0]])) == plain.score("complement", np.array([4]), np.array([[0]]))


def test_families_join_a_variant_to_its_parent_whether_the_parent_is_sold_or_not() -> None:
    assert family_codes(items({0: "i1", 2: "gone", 3: "gone"})).tolist()[:2] == [1, 1]
    codes = family_codes(items({0: "i1", 2: "gone", 3: "gone"}))
    assert codes[2] == codes[3]
    assert len(set(codes.tolist())) == 4


def test_an_item_stays_in_the_list_where_it_scores_higher_and_ties_go_to_one_list() -> None:
    a = Neighbours(np.array([[1, 2, 3]]), np.array([[0.9, 0.5, 0.4]], np.float32))
    b = Neighbours(np.array([[2, 1, 3]]), np.array([[0.8, 0.1, 0.4]], np.float32))
    assert best(without_stronger(a, b, wins_ties=True), 3).items[0, :2].tolist() == [1, 3]
    assert best(without_stronger(b, a, wins_ties=False), 3).scores[0].tolist()[1:] == [NOTHING, NOTHING]


def test_ties_are_ordered_by_position_so_that_a_second_run_is_equal() -> None:
    found = best(Neighbours(np.array([[5, 3, 4]]), np.full((1, 3), 0.5, np.float32)), 2)
    assert found.items.tolist() == [[3, 4]]


def relation(**values: object) -> dict[str, object]:
    row = {"type": "complement", "src": "a", "dst": "b", "relation": "co_purchase", "n": 12, "lift": 4.12, "judge": None, "prompt_hash": None}
    return {**row, **values}


def test_a_reason_tells_counts_lift_and_verdict() -> None:
    verdict = {"src": "b", "dst": "a", "judge": "rules", "prompt_hash": "h", "reason": "rule same_department"}
    edges = pa.Table.from_pylist([relation(judge="rules", prompt_hash="h")])
    found = build_evidence(edges, pa.Table.from_pylist([verdict])).of("complement", "a", "b")
    assert found == "bought together 12 times, lift 4.1, judged by rules (same_department)"


def test_a_declared_edge_and_an_unknown_verdict_say_only_what_is_known() -> None:
    edges = pa.Table.from_pylist([relation(relation="also_bought", n=None, lift=None, judge="rules", prompt_hash="gone")])
    assert build_evidence(edges, None).of("complement", "a", "b") == "the source says: also bought, judged by rules"


def test_without_an_edge_likeness_is_the_reason() -> None:
    ends = np.array([0, 0, 0, 0]), np.array([1, 1, 1, 1])
    likeness = Likeness(np.array([3, 0, 0, 0]), np.array([0.9, 0.9, 0.1, 0.9]), np.array([0.9, 0.1, 0.1, 0.9]))
    sources = np.array(["behaviour", "content", "content", "cold_start"])
    found = explain(Evidence({}), likeness, "substitute", ("a", "b"), *ends, sources)
    assert found[0] == "3 items go with both; similar in text and picture"
    assert found[1:3] == ["similar in text", "near by what the model learned"]
    assert found[3].startswith("as for the items most like it")


def test_a_catalogue_of_two_variants_has_empty_lists() -> None:
    shop = items({1: "i0"}, count=2)
    found = rank_all(scorer(replace(shop)), set_of(shop), 3)
    assert all(bool((n.scores == NOTHING).all()) for n in found.values())
