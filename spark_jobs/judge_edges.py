"""The job ``judge_edges``: verdicts on the pairs that the graph may keep, each asked once a judge, prompt and pair of texts.

MMSC, language-model-cleaned supervision: its ``edge_verdicts`` clean the labels that ``relations`` takes from behaviour.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.catalogue.graph import SUBSTITUTE, TYPE_OF
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.edge_types import PAIR
from spark_jobs.judges import Judge, build_judge
from spark_jobs.judges.prompt import MAX_FIELD_CHARS
from spark_jobs.judges.worker import SCHEMA, judge_frames
from spark_jobs.session import get_session
from spark_jobs.tables import create_table, merge_table, read_table

NAME = "judge_edges"
ALWAYS_JUDGED = tuple(relation for relation, kind in TYPE_OF.items() if kind == SUBSTITUTE)
"""Relations that say 'substitute': their pairs are judged even where pruning, which looks at complements, dropped them."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``limit`` judges only that many pairs, the most frequent ones; a paid judge's bill is bounded by it."""

    limit: int | None = Field(default=None, ge=1)


def run(job: JobRun) -> JobResult:
    """Judge what is not yet judged. Raises ``ModelUnavailable`` after the verdicts that were given are written."""
    config = parse_config(Config, job.params, where=f"job {NAME}")
    started = time.monotonic()
    judge = build_judge(job.profile.judge)
    spark = get_session(job.profile, NAME)
    questions = _read_questions(spark, job, judge, config.limit).persist()
    create_table(spark, job.profile, "edge_verdicts")
    asked, judged = questions.count(), _judge_all(spark, job, judge, questions)
    version = lake.open_table(job.profile, "edge_verdicts").version()
    labels = count_labels(questions, _read_verdicts(spark, job, judge))
    said = {"judge": judge.name, "revision": judge.revision, "prompt": judge.prompt_version, "setting": job.profile.judge.kind}
    counts = {"asked": asked, "judged": judged, "cached": asked - judged, "labels": labels}
    return JobResult(versions={"edge_verdicts": version}, summary={**said, **counts, "seconds": round(time.monotonic() - started, 2)})


def _read_questions(spark: SparkSession, job: JobRun, judge: Judge, limit: int | None) -> DataFrame:
    pairs = read_table(spark, job.profile, "item_pairs", job.version_of("item_pairs"))
    items = read_table(spark, job.profile, "items", job.version_of("items"))
    scored = job.find_version("pair_scores")
    if scored is not None:
        pairs = leave_out_pruned(pairs, read_table(spark, job.profile, "pair_scores", scored))
    return build_questions(pairs, items, f"{judge.prompt_version}\n{judge.revision}", limit)


def leave_out_pruned(pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """Return the pairs that pruning kept or did not score, and all pairs of relations that say 'substitute'."""
    dropped = scores.where(~F.col("kept") & ~F.col("relation").isin(*ALWAYS_JUDGED))
    return pairs.join(dropped.select(*PAIR), on=list(PAIR), how="left_anti")


def build_questions(pairs: DataFrame, items: DataFrame, version: str, limit: int | None) -> DataFrame:
    """Return one row a distinct pair, as it stands in ``item_pairs``: its keys and both items as JSON.

    ``version`` is what a verdict depends on beside the items: prompt and model. ``known_at`` is when both items were known.
    """
    distinct = pairs.groupBy("src", "dst").agg(F.max("n").alias("n"))
    if limit is not None:
        distinct = distinct.orderBy(F.col("n").desc_nulls_last(), "src", "dst").limit(limit)
    described = describe_items(items)
    joined = distinct
    for end in ("src", "dst"):
        joined = joined.join(described.select(*(F.col(c).alias(f"{end}{rest}") for c, rest in _ITEM.items())), on=end, how="inner")
    prompt_hash = F.sha2(F.concat_ws("\n", F.lit(version), "src_item", "dst_item"), 256)
    known_at = F.greatest("src_known_at", "dst_known_at")
    return joined.select("src", "dst", prompt_hash.alias("prompt_hash"), known_at.alias("known_at"), "src_item", "dst_item")


_ITEM = {"item_id": "", "item": "_item", "known_at": "_known_at"}


def describe_items(items: DataFrame) -> DataFrame:
    """Return item_id, known_at and what a judge may read of the item as JSON, nulls left out, descriptions cut."""
    description = F.left("description", F.lit(MAX_FIELD_CHARS)).alias("description")
    read = F.struct("title", description, "brand", "category", "attributes", "price")
    return items.select("item_id", "known_at", F.to_json(read).alias("item"))


def _read_verdicts(spark: SparkSession, job: JobRun, judge: Judge) -> DataFrame:
    """Read this job's own cache at its newest version: a verdict is paid for whether or not it was released."""
    version = lake.open_table(job.profile, "edge_verdicts").version()
    return read_table(spark, job.profile, "edge_verdicts", version).where(F.col("judge") == judge.name)


def _judge_all(spark: SparkSession, job: JobRun, judge: Judge, questions: DataFrame) -> int:
    """Judge what the cache lacks, chunk by chunk, and return how many pairs that were."""
    cached = _read_verdicts(spark, job, judge).select("src", "dst", "prompt_hash")
    todo = questions.join(cached, on=["src", "dst", "prompt_hash"], how="left_anti").persist()
    total = todo.count()
    with progress("judge pairs", total, unit="pairs") as advance:
        for chunk in split(todo, -(-total // judge.chunk)):
            advance(_judge_chunk(spark, job, judge, chunk), judge.name)
    todo.unpersist()
    return total


def split(frame: DataFrame, num_chunks: int) -> Iterator[DataFrame]:
    """Yield disjoint parts of a frame of pairs, about equally big and the same at every reading."""
    for chunk in range(num_chunks):
        yield frame.where(F.pmod(F.xxhash64("src", "dst"), F.lit(num_chunks)) == chunk)


def _judge_chunk(spark: SparkSession, job: JobRun, judge: Judge, chunk: DataFrame) -> int:
    """Judge one chunk once, write its verdicts, and only then fail where the judge failed."""
    spread = chunk.repartition(spark.sparkContext.defaultParallelism)
    answers = spread.mapInPandas(partial(judge_frames, settings=job.profile.judge), SCHEMA).persist()
    verdicts = answers.where("failure IS NULL").withColumns(
        {"judge": F.lit(judge.name), "model_revision": F.lit(judge.revision), "judged_at": F.current_timestamp()}
    )
    consumed = {name: job.version_of(name) for name in ("item_pairs", "items")}
    merge_table(spark, job.profile, "edge_verdicts", verdicts, run_id=job.run_id, job=NAME, consumed=consumed)
    failure = answers.where("failure IS NOT NULL").select("failure", "remedy").first()
    count = answers.count()
    answers.unpersist()
    if failure is not None:
        raise ModelUnavailable(failure["failure"], failure["remedy"])
    return count


def count_labels(questions: DataFrame, verdicts: DataFrame) -> dict[str, Any]:
    """Return how many of the pairs asked are likeliest substitutes, complements, neither."""
    best = F.greatest("p_substitute", "p_complement", "p_neither")
    label = F.when(F.col("p_substitute") == best, "substitute").when(F.col("p_complement") == best, "complement").otherwise("neither")
    wanted = verdicts.join(questions.select("src", "dst", "prompt_hash"), on=["src", "dst", "prompt_hash"], how="left_semi")
    return {row["label"]: row["count"] for row in wanted.groupBy(label.alias("label")).count().collect()}
