"""What a candidate version is compared with: the counts of the last released version of the same shop's table."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from goeswith import releases
from goeswith.catalogue import ChangeRule, Table
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.records import read_records
from spark_jobs.gates.measure import Known, measure_counts
from spark_jobs.gates.statistics import Counts, read_counts
from spark_jobs.tables import read_table


@dataclass(frozen=True, slots=True)
class Baseline:
    """The released version and its counts, or a note that says why there is nothing to compare with."""

    version: int | None = None
    counts: Counts | None = None
    note: str = ""


def read_baseline(spark: SparkSession, job: JobRun, table: Table, known: Known, candidate: tuple[int, Counts]) -> Baseline:
    """Return the counts of the last released version, counting it now only where it was never counted and is not ``candidate`` itself."""
    if not any(isinstance(rule, ChangeRule) for rule in table.rules):
        return Baseline()
    version = releases.released_versions(job.profile).get(table.name)
    if version is None:
        return Baseline(note="nothing released before")
    if _is_another_shop(job, table, version):
        return Baseline(version, note="the released version holds another shop")
    kept = candidate[1] if candidate[0] == version else read_counts(job.profile, table.name, version)
    return Baseline(version, kept or measure_counts(table, read_table(spark, job.profile, table.name, version), known).counts)


def _is_another_shop(job: JobRun, table: Table, version: int) -> bool:
    """Return whether the released version was made from another source than this run's, as far as the records of both say."""
    made_by = next(release.name for release in releases.read_releases(job.profile) if release.versions.get(table.name) == version)
    before, now = (_shop_of(job.profile, run) for run in (made_by, job.run_id))
    return None not in (before, now) and before != now


def _shop_of(profile: Profile, run: str) -> tuple[str, object] | None:
    """Return the source that a run ingested, with its options; None where it ingested nothing here."""
    record = read_records(profile, run).get("ingest")
    return None if record is None else (str(record["summary"]["source"]), record["params"].get("options"))
