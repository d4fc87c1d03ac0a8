"""Promotion records as the jobs leave them."""

from typing import Any

from goeswith.profile import Profile
from goeswith.promotions import Champion, Comparison, Difference, Interval, Latency, Promotion, now, write_promotion


def difference(value: float = 0.01, part: str = "warm") -> Difference:
    """Return a difference on a slice, sure to two hundredths."""
    spread = {"low": -0.02, "high": 0.02}
    at = {
        name: Interval(value=middle, **{k: middle + v for k, v in spread.items()})
        for name, middle in (("champion", 0.4), ("challenger", 0.4 + value))
    }
    lead = Interval(value=value, **{k: value + v for k, v in spread.items()})
    return Difference(task="complements", slice=part, metric="ndcg@10", n=500, **at, difference=lead, guarded=True)


def record(run: str = "monday", **changed: Any) -> Promotion:
    """Return the record of a run that is no worse, whose export is decided about, and that nothing speaks against."""
    facts: dict[str, Any] = {
        "run": run,
        "decision": "promoted",
        "reason": "no worse than old/1 on 1 slices",
        "at": now(),
        "champion": Champion(version=1, run="old", release="old"),
        "compared": Comparison(worse=False, why="no worse than old/1 on 1 slices", differences=(difference(),)),
        "models": "models",
        "made_from": "inputs",
        "manifest_sha256": "0" * 64,
        "latency": (Latency(model="relations", champion_ms=2.0, challenger_ms=2.5),),
    }
    return Promotion(**{**facts, **changed})


def undecided(run: str = "monday", **changed: Any) -> Promotion:
    """Return the record of a run that awaits approval."""
    return record(run, **{"decision": "undecided", "reason": "awaits approval; no worse than old/1 on 1 slices", **changed})


def write(profile: Profile, promotion: Promotion) -> Promotion:
    """Write a record and return it."""
    write_promotion(profile, promotion)
    return promotion
