"""What was measured: read from the table ``drift``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from goeswith import lake
from goeswith.drift.verdicts import severity
from goeswith.profile import Profile

TABLE = "drift"
SHOWN_REASONS = 3
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTraining:
    """A training that drift asked for: its run, and why."""

    run: str
    reason: str

    @property
    def conf(self) -> dict[str, Any]:
        """What a run of the DAG ``train`` is told: its id, and the reason, which its release keeps."""
        return {"run": self.run, "reason": self.reason, "params": {"release_models": {"reason": self.reason}}}


def read_last(profile: Profile) -> list[Row]:
    """Return the rows of the last measurement, the worst first; none where nothing was ever measured."""
    if lake.current_version(profile, TABLE) is None:
        return []
    newest = "SELECT run FROM t ORDER BY measured_at DESC, run DESC LIMIT 1"
    return _worst_first(_query(profile, f"SELECT * FROM t WHERE run = ({newest})"))  # noqa: S608 - nothing from outside


def read_run(profile: Profile, run: str) -> list[Row]:
    """Return what a run measured, the worst first."""
    if lake.current_version(profile, TABLE) is None:
        return []
    return _worst_first(lake.read_table(profile, TABLE, where={"run": run}).to_pylist())


def read_asked(profile: Profile) -> list[tuple[datetime, str]]:
    """Return when drift asked for which training, the newest first."""
    if lake.current_version(profile, TABLE) is None:
        return []
    asked = "SELECT DISTINCT measured_at, training FROM t WHERE training IS NOT NULL"
    return sorted(((row["measured_at"], row["training"]) for row in _query(profile, asked)), reverse=True)


def asked_training(profile: Profile, run: str) -> AskedTraining | None:
    """Return the training that a run of ``watch_drift`` asked for, None where it asked for none."""
    because = [row for row in read_run(profile, run) if row["training"]]
    return AskedTraining(run=because[0]["training"], reason=reason_of(because)) if because else None


def reason_of(rows: Sequence[Row]) -> str:
    """Return in one line why training is due, the worst first."""
    told = [name_of(row) + f" {row['value']:+.2f}" for row in rows[:SHOWN_REASONS]]
    more = f" and {len(rows) - SHOWN_REASONS} more" if len(rows) > SHOWN_REASONS else ""
    against = next((f" since release {row['reference']}" for row in rows if row["kind"] != "reactions"), "")
    return f"drift{against}: {', '.join(told)}{more} (measured by {rows[0]['run']})"


def name_of(row: Row) -> str:
    """Return what a row measured, in a few words."""
    return " ".join(filter(None, (row["kind"], row["name"].replace("_", " "), row["part"])))


def _query(profile: Profile, sql: str) -> list[Row]:
    rows = [row for batch in lake.query_table(profile, TABLE, sql) for row in batch.to_pylist()]
    return [{**row, "measured_at": row["measured_at"].astimezone(UTC)} for row in rows]


def _worst_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (*(-rank for rank in severity(row)), row["kind"], row["name"], row["part"]))
