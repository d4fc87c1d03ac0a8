"""The job ``compare_models``: this run's models against those that are served, on what neither was trained on.

Both are evaluation fits: models of the same recipes that never saw their run's holdout. It begins the run's promotion record; a
challenger that is worse is kept back there, and nothing of it is fitted on all data, exported or published.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.errors import ConfigError, DataContractError, ModelInvalid, VersionMissing
from goeswith.jobs import JobResult, JobRun
from goeswith.promotions import Champion, Comparison, Promotion, find_champion, now, read_promotion, write_promotion
from goeswith.releases import read_releases
from goeswith.results import write_atomically
from training.evaluation.world import read_world
from training.jobs.evaluate_models import CODE, TABLES
from training.promotion.champion import GRAPH, Common, Former, load_models, read_former
from training.promotion.measure import Answered, Duel, differences
from training.promotion.rule import judge

GUARDED = ("all", "no_variants", "warm", "held_baskets", "planted", "cold")
ANSWERS = "comparison.parquet"
OVERRIDE = 'go on all the same: --params \'{"compare_models": {"promote_anyway": "REASON"}}\''
CANNOT_BE_ASKED = (ConfigError, DataContractError, ModelInvalid, VersionMissing)
"""What a champion fails with whose files are gone, damaged or of another version of the code."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """What a challenger may lose, where, and how much is asked.

    It is worse where surely (95%) more than ``margin``, a share of what the champion reached, is lost on one of ``slices`` that has
    ``min_questions`` or more. ``promote_anyway``: why a challenger goes on whatever the comparison says.
    """

    margin: float = Field(default=0.05, ge=0, le=1)
    slices: tuple[str, ...] = GUARDED
    min_questions: int = Field(default=100, ge=1)
    max_cases: int = Field(default=1_000, ge=1)
    max_queries: int = Field(default=500, ge=1)
    bootstrap: int = Field(default=1_000, ge=50)
    seed: int = 0
    promote_anyway: str = ""


def run(job: JobRun) -> JobResult:
    """Compare, and begin the record ``promotions/RUN.json``. The same again compares nothing, and leaves what was decided since."""
    config = parse_config(Config, job.params, where="job compare_models")
    champion, before = find_champion(job.profile), read_promotion(job.profile, job.run_id)
    models = fingerprint.of_files(job.profile.models / job.run_id / GRAPH)
    inputs = fingerprint.of_values(models, dict(job.params), _versions(job), champion and champion.model_dump(), fingerprint.of_code(CODE))
    if before and (before.made_from == inputs or (is_own(champion, job) and before.models == models)):
        return JobResult(summary={**_summary(before), "unchanged": True})
    compared = _override(compare(job, config, champion), config)
    record = Promotion(
        run=job.run_id,
        decision="kept back" if compared.worse else "undecided",
        reason=compared.why,
        at=now(),
        champion=champion,
        compared=compared,
        models=models,
        made_from=inputs,
    )
    write_promotion(job.profile, record)
    return JobResult(summary=_summary(record))


def is_own(champion: Champion | None, job: JobRun) -> bool:
    """Return whether the run itself is served."""
    return champion is not None and champion.run == job.run_id


def compare(job: JobRun, config: Config, champion: Champion | None) -> Comparison:
    """Return what the comparison says, and where there can be none, why and what follows."""
    if champion is None:
        return Comparison(worse=False, why="no models are served yet")
    if is_own(champion, job):
        return Comparison(worse=True, why=f"{champion.name} is served, and was trained anew under its own name; train under another, or {OVERRIDE}")
    release = next((each for each in read_releases(job.profile) if each.name == champion.release), None)
    if release is not None and not release.valid:
        return Comparison(worse=False, why=f"{champion.name} is to be replaced: its release is invalid ({release.invalid_reason})")
    try:
        former = read_former(job.profile, champion, release)
    except CANNOT_BE_ASKED as error:
        return Comparison(worse=True, why=f"{champion.name} cannot be asked, so nobody knows which is better: {error.what}; {OVERRIDE}")
    return _measured(job, config, champion, former)


def _measured(job: JobRun, config: Config, champion: Champion, former: Former) -> Comparison:
    world = read_world(job, data="", max_cases=config.max_cases, seed=config.seed, keep=former.unseen)
    own = load_models(job.profile.models / job.run_id / GRAPH, world.training)
    duel = Duel(world, own, former.models, Common(world.training, former.training), config.max_queries, config.seed)
    answers = list(duel.answers())
    _write_answers(job.profile.models / job.run_id / ANSWERS, answers)

    def guarded(each: Answered) -> bool:
        return each.slice in config.slices and len(each.target) >= config.min_questions

    return judge(champion, differences(answers, guarded, draws=config.bootstrap, seed=config.seed), config.margin)


def _write_answers(path: Path, answers: list[Answered]) -> None:
    out = pa.BufferOutputStream()
    pq.write_table(answer_rows(answers), out)
    write_atomically(path, out.getvalue().to_pybytes())


def answer_rows(answers: list[Answered]) -> pa.Table:
    """Return one row a question of a slice, with what either model reached on it: the evidence behind the record."""
    rows: list[dict[str, Any]] = []
    for each in answers:
        asked = zip(each.query, each.target, each.champion.tolist(), each.challenger.tolist(), strict=True)
        rows += [
            {"task": each.task, "slice": each.slice, "metric": each.metric, "query": query, "target": target, "champion": a, "challenger": b}
            for query, target, a, b in asked
        ]
    text, value = pa.string(), pa.float64()
    columns = {"task": text, "slice": text, "metric": text, "query": pa.list_(text), "target": text, "champion": value, "challenger": value}
    return pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))


def _override(compared: Comparison, config: Config) -> Comparison:
    if not (compared.worse and config.promote_anyway):
        return compared
    return compared.model_copy(update={"worse": False, "why": f"goes on because of {config.promote_anyway!r}, although {compared.why}"})


def _versions(job: JobRun) -> dict[str, int | None]:
    return {table: job.find_version(table) for table in TABLES}


def _summary(record: Promotion) -> dict[str, Any]:
    champion = record.champion.name if record.champion else None
    return {"decision": record.decision, "reason": record.reason, "champion": champion, "slices": len(record.compared.differences)}
