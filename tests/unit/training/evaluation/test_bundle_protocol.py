"""Bundle completion: candidates, masks, slices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.unit.training.evaluation.small_worlds import make_items, make_pairs, make_set
from training.bundle_cases import BundleCases, leave_one_out
from training.dataset import Floats, Times, TrainingSet
from training.evaluation.bundle_protocol import bundle_slices, rank_bundles
from training.evaluation.metrics import hits
from training.evaluation.ranker import BundleRanker
from training.evaluation.similarity import Noise


@dataclass(frozen=True)
class Fixed:
    """Scores every item the same, whatever is given."""

    values: Floats
    name: str = "fixed"

    def score(self, given: Sequence[int]) -> Floats:
        assert given
        return self.values


@dataclass(frozen=True)
class Oracle:
    """Knows the bundles."""

    cases: BundleCases
    size: int
    name: str = "oracle"

    def score(self, given: Sequence[int]) -> Floats:
        scores = np.zeros(self.size, dtype=np.float32)
        for unit in self.cases.units:
            if set(given) < set(unit):
                scores[list(unit)] = 1
        return scores


def cases_of(units: list[list[int]], time: str = "NaT") -> BundleCases:
    return leave_one_out(units, np.full(len(units), np.datetime64(time, "us")), max_cases=1_000, seed=0)


def always(size: int) -> Times:
    return np.full(size, np.datetime64(0, "us"))


def test_a_perfect_scorer_ranks_every_target_first() -> None:
    cases = cases_of([[0, 1, 2], [3, 4], [5, 6, 7]])
    assert (rank_bundles(Oracle(cases, 30), cases, make_set(30), always(30)).all == 0).all()


def test_a_random_scorer_reaches_about_k_of_n() -> None:
    rng = np.random.default_rng(0)
    cases = cases_of([rng.choice(200, 3, replace=False).tolist() for _ in range(300)])
    ranks = rank_bundles(BundleRanker("random", Noise(200)), cases, make_set(200), always(200)).all
    assert hits(ranks, 20).mean() == pytest.approx(20 / 198, abs=0.03)


def test_given_items_are_no_candidates() -> None:
    cases = cases_of([[0, 1]])
    ranks = rank_bundles(Fixed(np.array([9, 8, 7], np.float32)), cases, make_set(3), always(3)).all
    assert ranks.tolist() == [0, 0]


def test_items_that_came_later_are_no_candidates() -> None:
    known = np.array(["2020-01-01", "2020-01-01", "2022-01-01"], dtype="datetime64[us]")
    scorer = Fixed(np.array([1, 2, 9], np.float32))
    cases, unknown = cases_of([[0, 1]], time="2021-01-01"), cases_of([[0, 1]])
    assert rank_bundles(scorer, cases, make_set(3), known).all.tolist() == [0, 0]
    assert rank_bundles(scorer, unknown, make_set(3), known).all.tolist() == [1, 1]


def with_variants() -> TrainingSet:
    variants = ["shirt", "shirt", None, "shirt", None]
    images = ["a.png", None, None, "b.png", None]
    pairs = make_pairs([(2, 4, "complement"), (4, 2, "complement")])
    return TrainingSet("evaluation", make_items([f"t{k}" for k in range(5)], variants=variants, images=images), pairs)


def test_variants_of_given_items_are_masked_where_variants_are_left_out() -> None:
    cases = cases_of([[0, 2]])
    ranks = rank_bundles(Fixed(np.array([0, 9, 1, 8, 0], np.float32)), cases, with_variants(), always(5))
    target_2 = int(np.flatnonzero(cases.target == 2)[0])
    assert ranks.all[target_2] == 2
    assert ranks.no_variants[target_2] == 0


def test_a_target_that_is_a_variant_of_a_given_item_is_left_out_of_no_variants() -> None:
    cases = cases_of([[0, 1, 2]])
    slices = bundle_slices(cases, with_variants())
    assert cases.target[slices["no_variants"]].tolist() == [2]


def test_slices_go_by_training_degree_and_by_picture() -> None:
    cases = cases_of([[0, 2], [3, 4]])
    slices = bundle_slices(cases, with_variants())
    assert cases.target[slices["cold"]].tolist() == [0, 3]
    assert cases.target[slices["with_image"]].tolist() == [0, 3]
    assert cases.target[slices["head"]].tolist() == [2, 4]
    assert "tail" not in slices


def test_pairs_that_training_holds_are_left_out_of_unseen_pairs() -> None:
    cases = cases_of([[2, 4], [0, 3]])
    assert cases.target[bundle_slices(cases, with_variants())["unseen_pairs"]].tolist() == [0, 3]
