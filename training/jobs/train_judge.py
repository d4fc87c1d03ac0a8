"""The job ``train_judge``: a judge that needs no language model, taught by one's stored verdicts or by people's labels.

Figures are of a model that saw no item of a test pair; with what validation decided the model is then fitted on all pairs, and that is written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.catalogue.graph import LABELS
from goeswith.config import STRICT, parse_config
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.pair_judge.model import write_model
from goeswith.results import Figure, write_figures
from training.dataset import Ints
from training.judge.fit import Choice, Source, fit_chosen
from training.judge.lessons import Lessons, count_labels
from training.judge.people import read_people
from training.judge.study import study
from training.judge.verdicts import read_verdicts, stored_labels

NAME = "train_judge"
TEACHERS = ("flan-t5", "openai")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Either ``teacher``, whose verdicts stand in edge_verdicts, or ``labels``, a file as ``training.judge.people`` reads it.

    The judge abstains where it would agree with its teacher less often than ``least_agreement``, by validation.
    """

    teacher: str = ""
    labels: Path | None = None
    seed: int = 42
    least_agreement: Annotated[float, Field(gt=0, lt=1)] = 0.9


def run(job: JobRun) -> JobResult:
    """Measure, fit on all pairs, and write ``judge`` below this run's models."""
    config = parse_config(Config, job.params, where=f"job {NAME}")
    source, data = find_source(config)
    lessons = read_people(config.labels) if config.labels else read_verdicts(job, source.teacher)
    others = {} if config.labels else rules_beside(job, lessons)
    found, _, choice = study(lessons, source, seed=config.seed, least_agreement=config.least_agreement, others=others)
    model, figures = fit_chosen(lessons, source, choice), found.figures(data, config.seed)
    folder = job.profile.models / job.run_id / "judge"
    write_model(folder, model.recipe, model.weights)
    write_figures(job.profile, f"judge-{data}", figures)
    found.plot(f"{source.kind} judge on {data}", job.profile.results / f"judge-{data}.png")
    return JobResult(summary={"model": str(folder), **summarise(lessons, source, choice, figures)})


def find_source(config: Config) -> tuple[Source, str]:
    """Return who teaches, and what the figures call the data. Raises ``ConfigError``."""
    if bool(config.teacher) == bool(config.labels):
        raise ConfigError(
            "a judge has one teacher: name either teacher or labels", f"teacher: {', '.join(TEACHERS)}; labels: a file of people's labels"
        )
    if config.labels:
        return Source("supervised", config.labels.name), config.labels.stem.lower()
    if config.teacher not in TEACHERS:
        why = "would teach its own rules, which need no model" if config.teacher == "rules" else "is no judge that asks a language model"
        raise ConfigError(f"{config.teacher!r} {why}", f"teachers: {', '.join(TEACHERS)}")
    return Source("distilled", config.teacher), f"verdicts-{config.teacher}"


def rules_beside(job: JobRun, lessons: Lessons) -> dict[str, Ints]:
    """Return the rules' labels of the same pairs, where the rules have judged them all."""
    stored = stored_labels(job, "rules", lessons)
    return {"rules": np.array(stored, dtype=np.int64)} if None not in stored else {}


def summarise(lessons: Lessons, source: Source, choice: Choice, figures: Sequence[Figure]) -> dict[str, Any]:
    """Return what was learned from, what was decided, and the main figures."""
    decided = {"ngrams": [choice.shape.low, choice.shape.high], "C": choice.strength, "temperature": choice.temperature}
    main = [figure for figure in figures if figure.slice == "test" and figure.model == source.kind]
    taught = {"kind": source.kind, "teacher": source.teacher, "pairs": len(lessons), "labels": count_labels(lessons.labels, LABELS)}
    measured = {"test_pairs": main[0].n, "test": {figure.metric: round(figure.value, 4) for figure in main}}
    return {**taught, "chosen": decided, "abstain_below": choice.abstain_below, **measured}
