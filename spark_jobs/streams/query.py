"""A streaming query from start to end: one process a stream, its place kept in a checkpoint below the profile's home."""

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from goeswith import lake
from goeswith.errors import DataContractError, GoeswithError, SourceUnreadable
from goeswith.profile import Profile
from spark_jobs.streams.base import Stream
from spark_jobs.streams.batch import current_versions

Take = Callable[[DataFrame, int], None]


def stream_folder(profile: Profile, stream: Stream) -> Path:
    """Return where a stream keeps its place. Whoever removes it lets everything be read again, which changes nothing that stands."""
    return profile.root / "streams" / stream.name


@contextmanager
def hold_stream(folder: Path) -> Iterator[bool]:
    """Yield whether this process may take the stream in: False where another does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def run_query(spark: SparkSession, profile: Profile, stream: Stream, take: Take, *, every_s: int | None = None) -> None:
    """Hand every micro-batch to ``take``: what is there and no more, or every ``every_s`` seconds what has come, until interrupted.

    Raises what ``take`` raised, ``DataContractError`` where rows that were taken in are gone, ``SourceUnreadable`` where the stream breaks.
    """
    _refuse_lost_rows(profile, stream)
    failed: list[GoeswithError] = []

    def take_or_keep(batch: DataFrame, number: int) -> None:
        try:
            take(batch, number)
        except GoeswithError as error:
            failed.append(error)
            raise

    checkpoint = stream_folder(profile, stream) / "checkpoint"
    writer = stream.open(spark).writeStream.foreachBatch(take_or_keep).option("checkpointLocation", str(checkpoint))
    query = (writer.trigger(availableNow=True) if every_s is None else writer.trigger(processingTime=f"{every_s} seconds")).start()
    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        raise failed[0] if failed else _broken(stream, error) from error
    finally:
        query.stop()


def _broken(stream: Stream, error: StreamingQueryException) -> SourceUnreadable:
    told = next((line.strip() for line in str(error).splitlines() if "Exception" in line or "Error" in line), str(error).splitlines()[0])
    return SourceUnreadable(f"stream {stream.name} broke off: {told}", f"{stream.remedy}; then run it again: nothing is taken in twice")


def _refuse_lost_rows(profile: Profile, stream: Stream) -> None:
    """Raise ``DataContractError`` where a gate put a table back to before this stream's last commit: its checkpoint would pass over those rows."""
    for name, version in current_versions(profile).items():
        if is_put_back(lake.open_table(profile, name, version).history(lake.HISTORY), f"stream {stream.name}"):
            what = f"{name} was put back to before what stream {stream.name} wrote last: no gate let it pass"
            raise DataContractError(what, f"delete {stream_folder(profile, stream)} and run again: everything is read anew, and nothing stands twice")


def is_put_back(history: Sequence[Mapping[str, Any]], by: str) -> bool:
    """Return whether a table was emptied, or restored to an older version, since the last commit of ``by``; newest commits come first."""
    restored: list[int] = []
    for commit in history:
        told = commit.get("operationParameters", {})
        if commit["operation"] == "RESTORE":
            restored.append(int(told["version"]))
        elif commit["operation"] == "DELETE" and not told.get("predicate"):
            restored.append(-1)
        elif json.loads(commit.get("userMetadata") or "{}").get("job") == by:
            return any(version < int(commit["version"]) for version in restored)
    return False
