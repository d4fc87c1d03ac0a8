"""Judges beside people: the learned one and the rules on the same labelled pairs, over several splits; and how many pairs a second each judges."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from goeswith.catalogue.graph import LABELS
from goeswith.pair_judge.item import Item
from goeswith.pair_judge.model import PairModel, write_model
from goeswith.results import Figure
from spark_jobs.judges.base import ItemPair, Judge
from spark_jobs.judges.learned import LearnedJudge
from spark_jobs.judges.rules import RulesJudge
from training.dataset import Ints
from training.judge.fit import Source
from training.judge.lessons import Lessons
from training.judge.measure import TASK
from training.judge.people import agreement, read_people
from training.judge.study import join_studies, study


def bench_labels(path: Path, seeds: int, least_agreement: float, plot: Path) -> tuple[list[Figure], list[Figure]]:
    """Return the rows over all splits together, and those of each split; write the reliability plot over all."""
    data, lessons = path.stem.lower(), read_people(path)
    source, pairs = Source("supervised", path.name), as_judged(lessons)
    others = {"rules": labels_of(RulesJudge(), pairs)}
    runs = [study(lessons, source, seed=seed, least_agreement=least_agreement, others=others) for seed in range(seeds)]
    joined = join_studies([found for found, _, _ in runs])
    joined.plot(f"supervised judge on {data}, {seeds} splits", plot)
    each = [figure for seed, (found, _, _) in enumerate(runs) for figure in found.figures(data, seed)]
    return [*joined.figures(data, None), _people(path, data), *_speeds(data, runs[0][1], pairs)], each


def as_judged(lessons: Lessons) -> list[ItemPair]:
    """Return the pairs as the pipeline's judges read them."""
    items = {name: Item(title=item.title) for name, item in lessons.items.items()}
    return [ItemPair(items[a], items[b]) for a, b in zip(lessons.src, lessons.dst, strict=True)]


def labels_of(judge: Judge, pairs: Sequence[ItemPair]) -> Ints:
    """Return a judge's likeliest labels (P,), of equals the first: a label is what is measured, decided or not."""
    chances = np.array([[verdict.p_substitute, verdict.p_complement, verdict.p_neither] for verdict in judge.judge(pairs)])
    return np.asarray(chances.reshape(-1, len(LABELS)).argmax(axis=1), dtype=np.int64)


def _people(path: Path, data: str) -> Figure:
    same, twos = agreement(path)
    return Figure(task=TASK, data=data, slice="two annotators", model="people", metric="accuracy", value=same, n=twos)


def _speeds(data: str, model: PairModel, pairs: Sequence[ItemPair]) -> list[Figure]:
    """Return pairs a second in one process, loading the model included."""
    with TemporaryDirectory() as folder:
        write_model(Path(folder), model.recipe, model.weights)
        judges: list[tuple[str, Judge]] = [("supervised", LearnedJudge(Path(folder), "supervised")), ("rules", RulesJudge())]
        return [_speed(data, name, judge, pairs) for name, judge in judges]


def _speed(data: str, name: str, judge: Judge, pairs: Sequence[ItemPair]) -> Figure:
    started = time.perf_counter()
    judge.judge(pairs)
    seconds = time.perf_counter() - started
    value = len(pairs) / seconds
    return Figure(task=TASK, data=data, slice="speed", model=name, metric="pairs_per_s", value=value, n=len(pairs), seconds=seconds)
