"""``POST /events``: what became of answers. An event is on the disk, without anybody's id, before it is acknowledged."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from goeswith.erasure.user import hash_user, keyed_hash
from goeswith.errors import EnvironmentMissing
from goeswith.feedback.segments import Segments, segments_folder
from goeswith.profile import Profile
from goeswith_client import InvalidRequest
from goeswith_client.events import Event, Exposure
from goeswith_client.experiments import Experiments
from goeswith_client.limits import MAX_EVENTS
from serving.gateway.metrics import Metrics
from serving.gateway.problems import answer_problem

AHEAD = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""
OLD = timedelta(days=30)
"""An older event is about an answer that nobody compares any more."""
RETRY_AFTER_S = 60
TRIAL_MISMATCH = "trial_mismatch"
_MEGABYTE = 2**20


class Batch(BaseModel):
    """Events in any order; send the whole batch again until it is acknowledged, for an event counts once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: list[Event] = Field(min_length=1, max_length=MAX_EVENTS)


class Taken(BaseModel):
    """How many events were taken; ``flagged`` are those of a trial that their unit is not in: they end in the quarantine."""

    accepted: int
    flagged: int


class Inbox:
    """Where a gateway's events go: each a line of JSON whose ids of units, baskets and events are keyed hashes."""

    def __init__(self, profile: Profile, experiments: Experiments) -> None:
        self._profile, self._experiments = profile, experiments
        self._segments = Segments(segments_folder(profile), profile.gateway.events_mb * _MEGABYTE)

    def take(self, events: Sequence[Event]) -> Taken:
        """Write events down. Raises ``InvalidRequest`` for a time that cannot be, ``EnvironmentMissing`` where there is no room: then none counts."""
        now = datetime.now(UTC)
        for place, event in enumerate(events):
            _check_time(place, event.happened_at, now)
        rows = [self._row(event, now) for event in events]
        self._segments.append("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode())
        return Taken(accepted=len(rows), flagged=sum(row["rule"] is not None for row in rows))

    def waiting_bytes(self) -> int:
        """Return the size of what the lake does not hold yet."""
        return self._segments.waiting_bytes()

    def _row(self, event: Event, now: datetime) -> dict[str, Any]:
        """Return an event by the names of the table ``feedback``, and the rule that it breaks."""
        said = event.model_dump(mode="json", exclude={"trial", "item", "basket"})
        happened = event.happened_at.astimezone(UTC)
        trial, question = event.trial, event.type if isinstance(event, Exposure) else None
        told = trial is None or self._experiments.is_assigned(trial, event.unit, question)
        return {
            **said,
            "event_id": keyed_hash(event.event_id, self._profile.user_hash_key.get_secret_value()),
            "unit": hash_user(self._profile, event.unit),
            "basket_id": self._basket(event, happened),
            "item_id": None if isinstance(event, Exposure) else event.item,
            "day": f"{happened:%Y-%m-%d}",
            "happened_at": happened.isoformat(),
            "received_at": now.isoformat(),
            "experiment": trial.experiment if trial else None,
            "arm": trial.arm if trial else None,
            "rule": None if told else TRIAL_MISMATCH,
        }

    def _basket(self, event: Event, happened: datetime) -> str | None:
        if isinstance(event, Exposure):
            return None
        return hash_user(self._profile, event.basket or f"{event.unit} on {happened:%Y-%m-%d}")


def add_events(app: FastAPI, inbox: Inbox) -> None:
    """Add the route, and the metrics of what it takes."""
    metrics: Metrics = app.state.metrics
    metrics.waiting.set_function(inbox.waiting_bytes)

    @app.post("/events", status_code=202, response_model=Taken)
    def take(batch: Batch) -> Taken | JSONResponse:
        """Take what became of answers. An event that is sent again, under its id and with its time, counts once."""
        try:
            taken = inbox.take(batch.events)
        except EnvironmentMissing as error:
            return answer_problem(503, type(error).__name__, error.what, error.remedy, {"Retry-After": str(RETRY_AFTER_S)})
        for kind, number in Counter(event.kind for event in batch.events).items():
            metrics.events.labels(kind).inc(number)
        metrics.flagged.inc(taken.flagged)
        return taken


def _check_time(place: int, happened_at: datetime, now: datetime) -> None:
    if not now - OLD <= happened_at <= now + AHEAD:
        legal = f"from {OLD.days} days ago to {AHEAD.seconds // 60} minutes ahead, by the gateway's clock"
        raise InvalidRequest(f"events.{place}.happened_at is too old or in the future", legal)
