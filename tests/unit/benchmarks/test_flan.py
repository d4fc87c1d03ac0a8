"""The bench of Flan-T5: both engines judge alike before any clock runs, and what is written."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.flan import BATCHES, OURS, Rival, bench_flan, draw_pairs, require_same_answers
from goeswith.errors import DataContractError
from spark_jobs.judges.base import ItemPair, Verdict
from spark_jobs.judges.flan_t5 import FlanT5Judge
from tests.unit.spark_jobs.judges.stand_ins import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("flan"))


@pytest.fixture(scope="module")
def pairs() -> list[ItemPair]:
    return draw_pairs(12)


def test_each_engine_has_its_speed_and_ours_over_each_of_the_others(checkpoint: Path, pairs: list[ItemPair]) -> None:
    figures = bench_flan(checkpoint, pairs, "float32", 2, lambda _: None)
    speeds = {figure.model: figure.value for figure in figures if figure.metric == "pairs_per_s"}
    assert set(speeds) == {OURS, *(f"transformers, batch {size}" for size in BATCHES)}
    ratios = {figure.model for figure in figures if figure.metric == "goeswith/pairs_per_s"}
    assert ratios == set(speeds) - {OURS}
    assert all(value > 0 for value in speeds.values())


def test_every_answer_of_the_rival_is_as_long_as_a_label(checkpoint: Path, pairs: list[ItemPair]) -> None:
    rival = Rival(checkpoint, "float32", FlanT5Judge(checkpoint).prompt.fill)
    assert len(rival.judge(pairs, 5)) == len(pairs)
    assert rival.longest == 2, "one word and the end"


def test_a_judge_that_reads_the_model_otherwise_is_refused(checkpoint: Path, pairs: list[ItemPair]) -> None:
    class Wrong(FlanT5Judge):
        def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
            return [Verdict(p_substitute=1.0, p_complement=0.0, p_neither=0.0, reason="always") for _ in pairs]

    judge = Wrong(checkpoint)
    with pytest.raises(DataContractError, match="differ from the model's"):
        require_same_answers(judge, Rival(checkpoint, "float32", judge.prompt.fill), pairs)
