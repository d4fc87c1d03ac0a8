"""The ledger: blocks of counts, a batch a commit. A rebuild writes batch 0; each increment appends what it adds and takes back.

Every row names the versions of ``events`` and ``holdout`` that are counted once its batch is, and the settings: the ledger alone tells where the
last run stopped. A batch is one commit, so a crash leaves a whole one or none.
"""

from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.profile import Profile
from spark_jobs.session import setting
from spark_jobs.tables import write_table

LEDGER = "pair_ledger"
READ_AT_ONCE, ROWS_AT_ONCE = "spark.sql.parquet.columnarReaderBatchSize", "32"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is counted: two tables' versions, in ``batch`` increments since the last rebuild, with which settings (JSON)."""

    batch: int
    events: int
    holdout: int
    settings: str


COLUMNS = tuple(field.name for field in fields(State))


def read_state(profile: Profile, version: int | None = None) -> State | None:
    """Return where the ledger stands (at a version); None before the first batch."""
    if lake.current_version(profile, LEDGER) is None:
        return None
    rows = lake.read_table(profile, LEDGER, version=version, columns=COLUMNS).group_by(list(COLUMNS)).aggregate([])
    states = [State(**row) for row in rows.to_pylist()]  # one a batch
    return max(states, key=lambda state: state.batch, default=None)


def write_batch(spark: SparkSession, profile: Profile, blocks: DataFrame, state: State, *, after: int, run_id: str) -> int:
    """Commit blocks as one batch, in the place of all others where it is batch 0; return the ledger's version.

    ``after`` is the version that the batch goes on from: where another process wrote a batch since, this one is not written.
    """
    rows = blocks.withColumns({name: F.lit(value) for name, value in asdict(state).items()})
    consumed = {"events": state.events, "holdout": state.holdout}
    mode = "append" if state.batch else "overwrite"
    return write_table(spark, profile, LEDGER, rows, mode=mode, run_id=run_id, job="count_pairs", consumed=consumed, after=after)


def reading_blocks(spark: SparkSession) -> AbstractContextManager[None]:
    """Let Spark read a few rows at a time while a query runs over the ledger: its usual 4,096 blocks of megabytes fit into no heap."""
    return setting(spark, READ_AT_ONCE, ROWS_AT_ONCE)
