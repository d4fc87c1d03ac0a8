"""The job ``judge_edges``: verdicts on the pairs that the graph may keep, each asked once a judge, prompt and pair of texts.

MMSC, language-model-cleaned supervision: its ``edge_verdicts`` clean the labels that ``relations`` takes from behaviour.
"""

import math
import time
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.catalogue.graph import LABELS
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from spark_jobs.judges import Judge, build_judge
from spark_jobs.judges.base import UNDECIDED
from spark_jobs.judges.budget import build_budget
from spark_jobs.judging import QUESTION, judge_all, read_verdicts
from spark_jobs.questions import First, add_places, build_questions, leave_out_pruned, put_questions
from spark_jobs.session import get_session
from spark_jobs.tables import create_table, read_table

NAME = "judge_edges"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``limit`` judges only that many pairs, ``share`` only that part of them, and ``first`` says which.

    A budget (``judge.max_tokens``, ``judge.max_cost``) takes that order, too.
    """

    limit: int | None = Field(default=None, ge=1)
    share: float = Field(default=1.0, gt=0, le=1)
    first: First = "frequent"
    seed: int = 0


def run(job: JobRun) -> JobResult:
    """Judge what is not yet judged, within the budget. Raises ``ModelUnavailable`` after the verdicts that were given are written."""
    config = parse_config(Config, job.params, where=f"job {NAME}")
    started = time.monotonic()
    judge, budget = build_judge(job.profile.judge), build_budget(job.profile.judge)
    spark = get_session(job.profile, NAME)
    questions = _read_questions(spark, job, judge, config, ordered=budget.bounded).persist()
    create_table(spark, job.profile, "edge_verdicts")
    asked = questions.count()
    todo, spent = judge_all(spark, job, judge, questions, budget)
    version = lake.open_table(job.profile, "edge_verdicts").version()
    labels = count_labels(questions, read_verdicts(spark, job.profile, judge))
    said = {"judge": judge.name, "revision": judge.revision, "prompt": judge.prompt_version, "setting": job.profile.judge.kind}
    counts = {"asked": asked, "judged": spent.judged, "cached": asked - todo, "left": todo - spent.judged, "labels": labels}
    took = {"tokens": spent.tokens, "cost": round(spent.cost, 6), "seconds": round(time.monotonic() - started, 2)}
    return JobResult(versions={"edge_verdicts": version}, summary={**said, **counts, **took})


def _read_questions(spark: SparkSession, job: JobRun, judge: Judge, config: Config, *, ordered: bool) -> DataFrame:
    pairs = read_table(spark, job.profile, "item_pairs", job.version_of("item_pairs"))
    items = read_table(spark, job.profile, "items", job.version_of("items"))
    scored = job.find_version("pair_scores")
    if scored is not None:
        pairs = leave_out_pruned(pairs, read_table(spark, job.profile, "pair_scores", scored))
    chosen = build_questions(pairs, items)
    if ordered or config.limit is not None or config.share < 1:
        chosen = add_places(chosen, config.first, config.seed)
    if config.limit is not None:
        chosen = chosen.where(F.col("place") <= config.limit)
    if config.share < 1:
        chosen = chosen.where(F.col("place") <= math.ceil(config.share * chosen.count()))
    return put_questions(chosen, f"{judge.prompt_version}\n{judge.revision}", both_ways=judge.both_ways)


def count_labels(questions: DataFrame, verdicts: DataFrame) -> dict[str, Any]:
    """Return how many of the questions are answered by each label; where two are likeliest, as where a judge abstains, by none."""
    chances = [F.col(f"p_{label}") for label in LABELS]
    likeliest = F.array_compact(F.array(*(F.when(chance == F.greatest(*chances), name) for chance, name in zip(chances, LABELS, strict=True))))
    label = F.when(F.size(likeliest) == 1, likeliest[0]).otherwise(UNDECIDED)
    wanted = verdicts.join(questions.select(*QUESTION), on=QUESTION, how="left_semi")
    return {row["label"]: row["count"] for row in wanted.groupBy(label.alias("label")).count().collect()}
