"""Asking a judge chunk by chunk: a chunk is a commit, so what was paid for is kept whatever becomes of the next one."""

from collections.abc import Iterator
from functools import partial, reduce
from operator import and_

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from spark_jobs.judges import Judge
from spark_jobs.judges.budget import Budget, Purse, Spent
from spark_jobs.judges.worker import SCHEMA, judge_frames
from spark_jobs.tables import merge_table, read_table

JOB = "judge_edges"
QUESTION = ["src", "dst", "prompt_hash"]
MOST = ("most_tokens", "most_cost")


def read_verdicts(spark: SparkSession, profile: Profile, judge: Judge) -> DataFrame:
    """Read the job's own cache at its newest version: a verdict is paid for whether or not it was released."""
    version = lake.open_table(profile, "edge_verdicts").version()
    return read_table(spark, profile, "edge_verdicts", version).where(F.col("judge") == judge.name)


def judge_all(spark: SparkSession, job: JobRun, judge: Judge, questions: DataFrame, budget: Budget) -> tuple[int, Spent]:
    """Ask what the cache lacks while the budget lasts; return how many questions that were, and what was asked of them.

    Raises ``ModelUnavailable`` where the judge failed, after the verdicts that it gave are written.
    """
    cached = read_verdicts(spark, job.profile, judge).select(*QUESTION)
    unasked = questions.join(cached, on=QUESTION, how="left_anti")
    todo = (add_most(unasked, judge) if budget.bounded else unasked.withColumns({name: F.lit(0) for name in MOST})).persist()
    total, purse = todo.count(), Purse(budget)
    chunks = affordable(todo, judge.chunk, purse) if budget.bounded else split(todo, -(-total // judge.chunk))
    with progress("judge pairs", total, unit="questions") as advance:
        for chunk in chunks:
            paid = judge_chunk(spark, job, judge, chunk)
            purse.pay(paid)
            advance(paid.judged, judge.name)
    todo.unpersist()
    return total, purse.spent


def add_most(questions: DataFrame, judge: Judge) -> DataFrame:
    """Add ``most_tokens`` and ``most_cost``, which no answer to a question exceeds."""
    size = F.octet_length("src_item") + F.octet_length("dst_item")
    most = F.udf(judge.most, "struct<tokens:bigint,cost:double>", useArrow=False)(size)
    return questions.withColumn("most", most).withColumns({name: F.col(f"most.{name.removeprefix('most_')}") for name in MOST}).drop("most")


def split(frame: DataFrame, num_chunks: int) -> Iterator[DataFrame]:
    """Yield disjoint parts of a frame of pairs, about equally big and the same at every reading."""
    for chunk in range(num_chunks):
        yield frame.where(F.pmod(F.xxhash64("src", "dst"), F.lit(num_chunks)) == chunk)


def affordable(todo: DataFrame, size: int, purse: Purse) -> Iterator[DataFrame]:
    """Yield chunks in the order of their places, each no more than what is left is sure to pay for, until nothing is left to ask or to spend."""
    numbered, asked = todo.withColumn("nth", F.row_number().over(Window.orderBy("place", "src", "dst"))), 0
    while True:
        chunk = _within(numbered.where((F.col("nth") > asked) & (F.col("nth") <= asked + size)), purse.left).persist()
        count = chunk.count()
        if count:
            asked += count
            yield chunk
        chunk.unpersist()
        if not count:
            return


def _within(part: DataFrame, budget: Budget) -> DataFrame:
    """Return the first questions of a part that a budget is sure to pay for together."""
    so_far = Window.orderBy("nth").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    bounds = {"most_tokens": budget.tokens, "most_cost": budget.cost}
    bounded = {name: bound for name, bound in bounds.items() if bound is not None}
    sums = part.withColumns({f"sum_{name}": F.sum(name).over(so_far) for name in bounded})
    paid = reduce(and_, (F.col(f"sum_{name}") <= F.lit(bound) for name, bound in bounded.items()))
    return sums.where(paid).drop(*(f"sum_{name}" for name in bounded))


def judge_chunk(spark: SparkSession, job: JobRun, judge: Judge, chunk: DataFrame) -> Spent:
    """Judge one chunk once, write its verdicts, and only then fail where the judge failed."""
    spread = chunk.repartition(spark.sparkContext.defaultParallelism)
    answers = spread.mapInPandas(partial(judge_frames, settings=job.profile.judge), SCHEMA).persist()
    verdicts = answers.where("failure IS NULL")
    told = {"judge": F.lit(judge.name), "model_revision": F.lit(judge.revision), "judged_at": F.current_timestamp()}
    consumed = {name: job.version_of(name) for name in ("item_pairs", "items")}
    merge_table(
        spark,
        job.profile,
        "edge_verdicts",
        verdicts.drop("failure", "remedy", *MOST).withColumns(told),
        run_id=job.run_id,
        job=JOB,
        consumed=consumed,
    )
    failure = answers.where("failure IS NOT NULL").select("failure", "remedy").first()
    spent = count_spent(verdicts)
    answers.unpersist()
    if failure is not None:
        raise ModelUnavailable(failure["failure"], failure["remedy"])
    return spent


def count_spent(verdicts: DataFrame) -> Spent:
    """Return how many verdicts there are, and what they came to."""
    sums = [F.sum(F.coalesce(what, f"most_{what}")).alias(what) for what in ("tokens", "cost")]
    row = verdicts.agg(F.count(F.lit(1)).alias("judged"), *sums).first()
    return Spent(judged=row["judged"], tokens=row["tokens"] or 0, cost=row["cost"] or 0.0) if row is not None else Spent()
