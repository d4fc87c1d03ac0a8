"""What became of simulated answers, as the lake holds it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.profile import Profile
from goeswith_client.experiments import Experiment

STARTED = datetime(2026, 1, 10, 12, tzinfo=UTC)
NOON = STARTED + timedelta(days=1)
NAME = "lists"


def experiment(*shares: float, **more: Any) -> Experiment:
    """Return an experiment on substitutes whose arms are called a, b, …"""
    arms = [{"name": name, "share": share} for name, share in zip("abcdefghij", shares or (0.5, 0.5), strict=False)]
    change = {"by": "ann", "at": STARTED, "why": "test"}
    return Experiment.model_validate({"name": NAME, "type": "substitute", "salt": "s", "arms": arms, "started": change, **more})


def row(kind: str, unit: str, number: int, arm: str | None = "a", **more: Any) -> dict[str, Any]:
    """Return a row of the table ``feedback``."""
    at: datetime = more.get("happened_at", NOON)
    base = {"kind": kind, "event_id": f"{kind}-{unit}-{number}", "unit": unit, "happened_at": at, "received_at": at, "segment": "s"}
    base |= {"day": f"{at:%Y-%m-%d}", "answer_id": f"{unit}-{number}", "arm": arm, "experiment": arm and NAME}
    shown = {"items": ["i1", "i2", "i3"], "source": "model", "type": "substitute", "unsure": False} if kind == "exposure" else {"item_id": "i1"}
    return {**base, **shown, **more}


def write(profile: Profile, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to the lake."""
    lake.insert_rows(profile, "feedback", pa.Table.from_pylist(list(rows), schema=find_table("feedback").schema), writer=Writer.SPARK)


def simulate(arm: str, num_units: int, rate: float, seed: int, positions: Sequence[float] = (0.6, 0.3, 0.1)) -> list[dict[str, Any]]:
    """Return exposures and clicks of units that see one to six answers and differ in how they like to click; ``rate`` clicks an answer on average."""
    rng, rows = np.random.default_rng(seed), list[dict[str, Any]]()
    for number, liking in enumerate(rng.gamma(2.0, 0.5, num_units)):
        unit = f"{arm}{number}"
        for answer in range(rng.integers(1, 7)):
            rows.append(row("exposure", unit, answer, arm))
            if rng.random() < min(1.0, rate * liking):
                rows.append(row("click", unit, answer, arm, position=int(rng.choice(3, p=positions)) + 1))
    return rows
