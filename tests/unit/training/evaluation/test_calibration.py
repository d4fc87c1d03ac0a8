"""Whether a score is the chance that it says, and what a threshold lets through."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from tests.unit.training.evaluation.small_worlds import make_world
from training.dataset import Floats, Ints
from training.evaluation.calibration import calibration_figures
from training.evaluation.relation_suites import Suite, held_out_edges
from training.mmsc.heuristics import PairFeatures
from training.mmsc.scorer import MmscScorer
from training.mmsc.stored import StoredVectors

WORLD = make_world([], tuple(("also_bought", f"i{k:02d}", f"i{k + 1:02d}") for k in range(0, 30, 2)), size=40)
SUITE = Suite("warm", held_out_edges(WORLD, "complement"))
EMPTY = PairFeatures(WORLD.training.items, WORLD.training.pairs)


@dataclass(frozen=True, slots=True)
class Says(MmscScorer):
    """Scores by a rule of the ends alone, sure from .7 on."""

    rule: Callable[[Ints, Ints], Floats] = lambda _src, dst: np.zeros(dst.shape, np.float32)

    def threshold(self, kind: str) -> float | None:
        return 0.7 if kind == "complement" else None

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        assert kind == SUITE.cases.kind
        return self.rule(src, candidates)


def says(rule: Callable[[Ints, Ints], Floats]) -> dict[str, float]:
    return {f.metric: f.value for f in calibration_figures(Says(StoredVectors({}), EMPTY, {}, rule=rule), SUITE, "tiny", 0)}


def constant(value: float) -> Callable[[Ints, Ints], Floats]:
    return lambda _src, dst: np.full(dst.shape, value, np.float32)


def test_who_knows_the_true_ones_is_calibrated_and_sure_of_them_alone() -> None:
    found = says(lambda src, dst: (np.abs(dst - src[:, None]) == 1).astype(np.float32) * (dst // 2 == src[:, None] // 2))
    assert found == {"ece": 0.0, "sure_true": 1.0, "sure_random": 0.0}


@pytest.mark.parametrize(("value", "expected"), [(0.5, 0.0), (0.9, 0.4), (0.2, 0.3)])
def test_who_always_says_the_same_is_off_by_its_distance_from_one_half(value: float, expected: float) -> None:
    assert says(constant(value))["ece"] == pytest.approx(expected, abs=1e-6)


def test_a_threshold_that_everything_reaches_lets_everything_through() -> None:
    assert says(constant(0.9))["sure_random"] == 1.0


def test_a_task_without_a_threshold_has_no_figures() -> None:
    suite = Suite("warm", held_out_edges(make_world([], (("also_viewed", "i00", "i01"),)), "substitute"))
    assert not list(calibration_figures(Says(StoredVectors({}), EMPTY, {}), suite, "tiny", 0))
