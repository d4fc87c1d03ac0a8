"""Figures and samples."""

import numpy as np
import pytest

from goeswith.results import Figure
from tests.unit.training.evaluation.small_worlds import make_set
from training.bundle_cases import leave_one_out
from training.evaluation.metrics import BUNDLE_METRICS
from training.evaluation.ranker import BundleRanker
from training.evaluation.samples import bundle_samples, spread
from training.evaluation.similarity import Constant
from training.evaluation.tables import Measured, Slice, slice_figures, with_interval

PART = Slice("bundle", "tiny", "all", np.array([True, True, True, False]), np.array([0, 0, 1, 2]))


def test_figures_speak_of_the_slices_cases_alone() -> None:
    measured = {"tfidf": Measured(np.array([0.0, 30.0, 5.0, 0.0]), 1.5)}
    figures = {f.metric: f for f in slice_figures(PART, measured, BUNDLE_METRICS, "recall@20", draws=100, seed=0)}
    assert figures["recall@20"].value == pytest.approx(2 / 3)
    assert figures["recall@20"].n == 3
    assert set(figures) == set(BUNDLE_METRICS)


def test_our_models_lead_is_paired_and_told_apart_from_their_value() -> None:
    measured = {"cirp": Measured(np.array([0.0, 0.0, 0.0, 0.0]), 1.0), "tfidf": Measured(np.array([0.0, 30.0, 5.0, 0.0]), 1.0)}
    leads = [f for f in slice_figures(PART, measured, BUNDLE_METRICS, "recall@20", draws=100, seed=0) if " over " in f.metric]
    assert [(f.model, f.metric) for f in leads] == [("cirp", "recall@20 over tfidf")]
    assert leads[0].value == pytest.approx(1 / 3)


def test_intervals_hold_their_value() -> None:
    measured = {"random": Measured(np.arange(4.0) * 12, 1.0)}
    for figure in slice_figures(PART, measured, BUNDLE_METRICS, "recall@20", draws=200, seed=0):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high


@pytest.mark.parametrize(("value", "written"), [(0.394, ".394"), (-0.01, "-.010"), (0.9996, "1.000"), (230.5, "230.500"), (0.0, ".000")])
def test_only_the_zero_before_a_point_is_left_out(value: float, written: str) -> None:
    row = Figure(task="encoder", data="tiny", slice="all", model="cirp", metric="effective_rank", value=value, low=value, high=value)
    assert with_interval(row) == f"{written} [{written}, {written}]"


def test_samples_show_the_best_items_less_the_given_ones() -> None:
    training = make_set(8)
    cases = leave_one_out([[0, 1]], np.full(1, np.datetime64("NaT", "us")), max_cases=10, seed=0)
    samples = bundle_samples([BundleRanker("popularity", Constant(np.arange(8, 0, -1).astype(np.float32)))], cases, training)
    first = next(s for s in samples if s.target == "i01")
    assert first.query == ("i00",)
    assert first.rank == 0
    assert first.best == ("i01", "i02", "i03", "i04", "i05")


def test_samples_are_spread_over_the_cases() -> None:
    assert spread(3) == [0, 1, 2]
    assert spread(0) == []
    assert len(spread(1_000)) == 8
    assert spread(1_000)[-1] == 999
