"""One true item against random non-neighbours."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse as sp

from training.dataset import Floats, Ints
from training.evaluation.cases import RelationCases
from training.evaluation.metrics import hits
from training.evaluation.ranker import RelationRanker
from training.evaluation.relation_protocol import direction_values, draw_candidates, rank_relations
from training.evaluation.similarity import DenseDot, Noise

SIZE = 120


def make_cases(count: int = 100) -> RelationCases:
    rng = np.random.default_rng(0)
    known = sp.random(SIZE, SIZE, 0.1, format="csr", random_state=0)
    src = rng.integers(0, SIZE, count)
    return RelationCases("complement", src, (src + 1 + rng.integers(0, SIZE - 1, count)) % SIZE, known)


@dataclass(frozen=True)
class Oracle:
    """Knows the true pairs, in their direction."""

    cases: RelationCases
    name: str = "oracle"

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        assert kind == self.cases.kind
        true = set(zip(self.cases.src.tolist(), self.cases.dst.tolist(), strict=True))
        rows = zip(src.tolist(), candidates.tolist(), strict=True)
        return np.array([[float((a, b) in true) for b in row] for a, row in rows], dtype=np.float32)


def test_negatives_are_distinct_and_neither_the_query_nor_known_nor_true() -> None:
    cases = make_cases()
    for block in draw_candidates(cases, negatives=40, seed=1):
        for src, row, valid in zip(block.src, block.candidates, block.valid, strict=True):
            others = row[1:][valid[1:]]
            assert len(set(others)) == len(others) == 40
            assert src not in others
            assert row[0] not in others
            assert not cases.known[src].toarray()[0, others].any()


def test_every_scorer_meets_the_same_negatives() -> None:
    one, two = (np.concatenate([b.candidates for b in draw_candidates(make_cases(), negatives=30, seed=1)]) for _ in range(2))
    assert (one == two).all()


def test_against_the_whole_catalogue_every_non_neighbour_counts_once() -> None:
    cases = make_cases(3)
    block = next(iter(draw_candidates(cases, negatives=None, seed=0)))
    for src, dst, row, valid in zip(cases.src, cases.dst, block.candidates, block.valid, strict=True):
        known = set(cases.known[src].indices.tolist())
        assert sorted(row[1:][valid[1:]].tolist()) == sorted(set(range(SIZE)) - known - {src, dst})


def test_fewer_non_neighbours_than_asked_are_all_taken() -> None:
    block = next(iter(draw_candidates(make_cases(2), negatives=SIZE - 1, seed=0)))
    for src, dst, valid in zip(block.src, block.candidates[:, 0], block.valid, strict=True):
        known = set(make_cases(2).known[src].indices.tolist())
        assert valid.sum() - 1 == len(set(range(SIZE)) - known - {src, dst})


def test_a_perfect_scorer_gets_one() -> None:
    cases = make_cases(40)
    apart = RelationCases(cases.kind, cases.src, cases.dst, sp.csr_matrix((np.ones(40), (cases.src, cases.dst)), (SIZE, SIZE)))
    assert (rank_relations(Oracle(apart), apart, negatives=50, seed=0) == 0).all()


def test_a_random_scorer_gets_about_k_of_n() -> None:
    cases = make_cases(800)
    ranks = rank_relations(RelationRanker("random", Noise(SIZE), Noise(SIZE)), cases, negatives=50, seed=0)
    assert hits(ranks, 10).mean() == pytest.approx(10 / 51, abs=0.05)


def test_a_symmetric_scorer_knows_no_direction_and_an_oracle_does() -> None:
    cases = RelationCases("complement", np.arange(0, 60), np.arange(60, 120), sp.csr_matrix((SIZE, SIZE)))
    features = np.random.default_rng(0).random((SIZE, 4)).astype(np.float32)
    symmetric = RelationRanker("x", DenseDot(features, features), DenseDot(np.ones_like(features), np.ones_like(features)))
    assert direction_values(symmetric, cases).mean() == 0.5
    assert direction_values(Oracle(cases), cases).mean() == 1
