"""Job ``build_relations``: the typed graph that training reads, from counted pairs, pruning and verdicts, with its evidence.

Views speak for substitutes (both directions), purchases for complements; a clear verdict moves or drops a pair. Two items that
were counted in both types stay in the one with the greater weight; a source that declares both is believed.
"""

from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.edge_types import FATE, add_scores, add_verdicts, choose_types, decide_pairs, join_edges
from spark_jobs.session import get_session
from spark_jobs.tables import empty_table, merge_table, read_table

READS = ("item_pairs", "pair_scores", "edge_verdicts")
Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """A pair stays if its NPMI is over ``min_npmi``; a verdict moves it from ``move_at`` on, drops it from ``drop_at`` on.

    ``unsure`` is the share of its strength that an edge weighs where the judge decided nothing, or was not asked while others were:
    what nobody looked at weighs no more than what was confirmed. Where nothing was judged at all, strength alone is the weight.
    Relations in ``evidence_only`` are counted and served as features, but make no edges.
    """

    min_npmi: Annotated[float, Field(ge=-1, lt=1)] = 0.0
    move_at: Probability = 0.6
    drop_at: Probability = 0.6
    unsure: Probability = 0.5
    evidence_only: tuple[str, ...] = ("bought_instead", "same_day", "in_window")


def run(job: JobRun) -> JobResult:
    """Decide every pair and bring relations to what stays."""
    config = parse_config(Config, job.params, where="job build_relations")
    spark = get_session(job.profile, "build_relations")
    with progress("build relations", 2, unit="steps") as advance:
        pairs, scores, verdicts = (read_if_there(spark, job, name) for name in READS)
        decided = decide(pairs, scores, verdicts, config).persist()
        edges = choose_types(join_edges(decided, config.unsure if verdicts.take(1) else 1.0))
        consumed = {name: version for name in READS if (version := job.find_version(name)) is not None}
        version = merge_table(
            spark, job.profile, "relations", edges, run_id=job.run_id, job="build_relations", consumed=consumed, delete_missing=True
        )
        advance(1, "relations")
        summary = summarise(decided, read_table(spark, job.profile, "relations", version))
        advance(1, "summary")
    decided.unpersist()
    return JobResult(versions={"relations": version}, summary=summary)


def read_if_there(spark: SparkSession, job: JobRun, name: str) -> DataFrame:
    """Read a table at this run's version; pruning and judging may be left out, and then their tables are empty."""
    version = job.version_of(name) if name == "item_pairs" else job.find_version(name)
    return empty_table(spark, name) if version is None else read_table(spark, job.profile, name, version)


def decide(pairs: DataFrame, scores: DataFrame, verdicts: DataFrame, config: Config) -> DataFrame:
    """Return every pair with its fate, type and strength."""
    speaking = pairs.where(~F.col("relation").isin(*config.evidence_only)) if config.evidence_only else pairs
    judged = add_verdicts(add_scores(speaking, scores), verdicts)
    return decide_pairs(judged, min_npmi=config.min_npmi, move_at=config.move_at, drop_at=config.drop_at)


def summarise(decided: DataFrame, relations: DataFrame) -> dict[str, Any]:
    """Return pairs by graph, relation and fate, and edges by graph and type: a handful of rows each."""
    fates: dict[str, dict[str, dict[str, int]]] = {}
    for row in decided.groupBy("graph", "relation", FATE).count().collect():
        fates.setdefault(row["graph"], {}).setdefault(row["relation"], {})[row[FATE]] = row["count"]
    edges: dict[str, dict[str, dict[str, int]]] = {}
    counts = (F.count(F.lit(1)).alias("edges"), F.count_if("moved").alias("moved"), F.count_if(F.col("judge").isNotNull()).alias("judged"))
    for row in relations.groupBy("graph", "type").agg(*counts).collect():
        edges.setdefault(row["graph"], {})[row["type"]] = {name: row[name] for name in ("edges", "moved", "judged")}
    return {"pairs": fates, "edges": edges}
