"""Up to when a training set may know anything."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from goeswith import lake
from goeswith.jobs import JobRun
from goeswith.profile import Profile

_CUT = """
WITH baskets AS (
    SELECT basket_id, max(happened_at) AS bought_at FROM events
    WHERE kind = 'purchase' AND happened_at IS NOT NULL GROUP BY basket_id HAVING count(DISTINCT item_id) > 1
), marked AS (
    SELECT bought_at, held.id IS NOT NULL AS is_held
    FROM baskets LEFT JOIN (SELECT id FROM holdout WHERE kind = 'basket') AS held ON basket_id = held.id
), kept AS (
    SELECT max(bought_at) AS last_at FROM marked WHERE NOT is_held
)
SELECT min(bought_at) AS cut FROM marked CROSS JOIN kept WHERE is_held AND (last_at IS NULL OR bought_at > last_at)
"""


def lake_time(profile: Profile, table: str, version: int) -> datetime:
    """Return when a version of a table was committed: a "now" that is the same when the run is repeated."""
    commit = lake.open_table(profile, table, version).history(1)[0]
    return datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)


def evaluation_cut(job: JobRun) -> datetime | None:
    """Return the last moment before every basket of two or more items is held out.

    None where there is no such moment: no times, no events, or a holdout that was not made by time.
    """
    if job.find_version("events") is None or job.find_version("holdout") is None:
        return None
    tables = {name: (name, job.version_of(name)) for name in ("events", "holdout")}
    cut = pa.Table.from_batches(lake.query_versions(job.profile, tables, _CUT))["cut"][0].as_py()
    return None if cut is None else cut.astimezone(UTC) - timedelta(microseconds=1)
