"""Job ``stream``: take in what a watched folder or a Kafka topic holds and did not hold before, micro-batch by micro-batch, and end.

Each micro-batch is an increment: late rows and corrections count as there. A file that cannot be read is refused by name; the summary tells.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame

from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from spark_jobs.robots import Limits
from spark_jobs.session import get_session
from spark_jobs.streams.base import Stream
from spark_jobs.streams.batch import Taken, current_versions, take_batch
from spark_jobs.streams.feedback import build_feedback
from spark_jobs.streams.folder import build_folder
from spark_jobs.streams.kafka import build_kafka
from spark_jobs.streams.query import hold_stream, run_query, stream_folder

logger = logging.getLogger(__name__)

Most = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``files``: the folder ``data`` with its ``mapping``. ``kafka``: the events of ``topic``, on the first run from ``start``.

    ``feedback``: the clicks and purchases that ``take_feedback`` handed on. Of a topic the mapping, where ``data`` is given, names the
    messages' keys. A micro-batch holds ``max_files`` files or ``max_offsets`` messages at most. ``robots``: the most that passes for a person.
    """

    source: Literal["files", "kafka", "feedback"] = "files"
    data: str = ""
    mapping: str = "mapping.yaml"
    topic: str = ""
    start: Literal["earliest", "latest"] = "earliest"
    max_files: Most = 50
    max_offsets: Most = 100_000
    robots: Limits = field(default_factory=Limits)


def run(job: JobRun) -> JobResult:
    """Take in what is there. Where another process takes the stream in already, say so, and what versions it has written."""
    taken: list[Taken] = []
    mine = take_stream(job, taken.append)
    return JobResult(versions=current_versions(job.profile), summary={"batches": [asdict(batch) for batch in taken], "taken_by_another": not mine})


def take_stream(job: JobRun, on_batch: Callable[[Taken], None], *, every_s: int | None = None) -> bool:
    """Take a stream in, telling ``on_batch`` what each micro-batch did; return False, having done nothing, where another process does."""
    config = parse_config(Config, job.params, where="job stream")
    stream = build_stream(job.profile, config)

    def take(batch: DataFrame, number: int) -> None:
        taken = take_batch(job, stream, batch, number, config.robots)
        for file, reason in taken.refused.items():
            logger.error("refused %s: %s", file, reason)
        on_batch(taken)

    with hold_stream(stream_folder(job.profile, stream)) as mine:
        if mine:
            run_query(get_session(job.profile, "stream"), job.profile, stream, take, every_s=every_s)
    return mine


def build_stream(profile: Profile, config: Config) -> Stream:
    """Return the stream that the parameters describe. Raises ``ConfigError`` or ``SourceUnreadable`` where they describe none."""
    if config.source == "feedback":
        return build_feedback(profile, config.max_files)
    data = Path(config.data) if config.data else None
    if config.source == "kafka":
        return build_kafka(profile, config.topic, data and data / config.mapping, config.start, config.max_offsets)
    return build_folder(profile, data, config.mapping, config.max_files)
