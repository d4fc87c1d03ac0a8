"""Precision of a judge's labels: Wilson's interval, fates weighed by how many verdicts they stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from goeswith.audit.precision import measure_precision, wilson
from goeswith.audit.sample import AskedVerdict, draw_sample


def verdicts(label: str, fate: str, count: int) -> list[AskedVerdict]:
    return [AskedVerdict(f"{label}-{fate}-{n}", "x", "h", label, fate) for n in range(count)]


def answer(asked: list[AskedVerdict], *said: str) -> dict[tuple[str, str, str], str]:
    return {(one.src, one.dst, one.prompt_hash): word for one, word in zip(asked, said, strict=False)}


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys(right_of: tuple[int, int]) -> None:
    right, n = right_of
    expected = binomtest(right, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_skipped_pairs_and_answers_about_older_verdicts_do_not_count() -> None:
    asked = verdicts("substitute", "kept", 4)
    answers = {**answer(asked, "substitute", "skip"), (asked[2].src, "x", "an older hash"): "neither"}
    (row, _) = measure_precision(asked, answers)
    assert (row.verdicts, row.answered, row.right, row.precision) == (4, 1, 1, 1.0)


def test_over_all_fates_each_weighs_as_many_verdicts_as_it_has() -> None:
    kept, moved = verdicts("complement", "kept", 90), verdicts("complement", "moved", 10)
    answers = {**answer(kept, "complement", "complement"), **answer(moved, "neither", "neither")}
    *_, whole = measure_precision(kept + moved, answers)
    assert (whole.fate, whole.verdicts, whole.answered, whole.right) == ("all", 100, 4, 2)
    assert whole.precision == pytest.approx(0.9)
    assert whole.low is not None
    assert whole.low < 0.5  # two answers say little of ninety verdicts


def test_without_answers_there_are_counts_and_no_precision() -> None:
    rows = measure_precision(verdicts("neither", "dropped", 3), {})
    assert [(row.fate, row.verdicts, row.answered, row.precision) for row in rows] == [("dropped", 3, 0, None), ("all", 3, 0, None)]
    assert measure_precision([], {}) == []


def test_a_sample_goes_through_labels_and_fates_turn_by_turn() -> None:
    asked = verdicts("complement", "kept", 50) + verdicts("complement", "moved", 2) + verdicts("neither", "dropped", 50)
    sample = draw_sample(asked, per_stratum=5, seed=1)
    assert len(sample) == 5 + 2 + 5
    assert len({one.stratum for one in sample[:3]}) == 3
    assert [one.fate for one in sample].count("moved") == 2


def test_a_larger_sample_holds_the_smaller_one_and_another_seed_another_one() -> None:
    asked = verdicts("complement", "kept", 50)
    five, ten = (draw_sample(asked, per_stratum=n, seed=1) for n in (5, 10))
    assert ten[:5] == five == draw_sample(asked[::-1], per_stratum=5, seed=1)
    assert draw_sample(asked, per_stratum=5, seed=2) != five
