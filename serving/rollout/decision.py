"""Whether a canary stays: its errors and its slowest answers beside the current version's. Pure: figures in, a verdict out."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.stats import binomtest

from goeswith.config import STRICT

Outcome = Literal["wait", "good", "roll back"]
CONFIDENCE = 0.99
"""How sure it must be that the canary fails more often: a good one is then rolled back for its errors once in a hundred looks at most."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Bounds:
    """How much worse a canary may be, and after how many requests it is known.

    Its share of failed requests may be ``errors`` above the current version's; its 99th percentile ``slower`` times as long and ``slack_ms``
    more, model by model, where both had ``per_model`` requests.
    """

    requests: int = Field(default=500, ge=1)
    per_model: int = Field(default=100, ge=1)
    errors: float = Field(default=0.01, ge=0, le=1)
    slower: float = Field(default=1.5, ge=1)
    slack_ms: float = Field(default=20.0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Load:
    """What one version of one model was asked within a window; ``p99_ms`` None: nobody knows."""

    requests: int = 0
    failed: int = 0
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Verdict:
    """What follows, why, and the figures behind it."""

    outcome: Outcome
    why: str
    figures: Mapping[str, Any]


Loads = Mapping[str, Load]
"""By model."""


def judge(current: Loads, canary: Loads, bounds: Bounds) -> Verdict:
    """Return whether the canary is to be rolled back, is good, or has answered too little to be known."""
    figures = {"current": _figures(current), "canary": _figures(canary)}
    worse = next(_worse(current, canary, bounds), None)
    asked = min(_sum(canary).requests, _sum(current).requests)
    if worse:
        return Verdict(outcome="roll back", why=worse, figures=figures)
    if asked < bounds.requests:
        return Verdict(outcome="wait", why=f"{asked} of {bounds.requests} requests", figures=figures)
    return Verdict(outcome="good", why=f"no worse over {_sum(canary).requests} requests", figures=figures)


def _worse(current: Loads, canary: Loads, bounds: Bounds) -> Iterator[str]:
    """Errors are told as soon as they are sure, a percentile only once there are enough answers for one."""
    old, new = _sum(current), _sum(canary)
    if new.failed and _least_share(new) > _share(old) + bounds.errors:
        yield f"{_share(new):.1%} of its requests failed, {_share(old):.1%} of the current version's, at most {bounds.errors:.1%} more may"
    for model in sorted({*current} & {*canary}):
        yield from _slower(model, current[model], canary[model], bounds)


def _slower(model: str, old: Load, new: Load, bounds: Bounds) -> Iterator[str]:
    if old.p99_ms is None or new.p99_ms is None or min(old.requests, new.requests) < bounds.per_model:
        return
    limit = old.p99_ms * bounds.slower + bounds.slack_ms
    if new.p99_ms > limit:
        yield f"{model} takes {new.p99_ms:.1f} ms at the 99th percentile, {old.p99_ms:.1f} ms in the current version, at most {limit:.1f} ms"


def _sum(loads: Loads) -> Load:
    return Load(requests=sum(load.requests for load in loads.values()), failed=sum(load.failed for load in loads.values()))


def _share(load: Load) -> float:
    return load.failed / load.requests if load.requests else 0.0


def _least_share(load: Load) -> float:
    """Return the share of failures that the version surely has (Clopper-Pearson)."""
    return float(binomtest(load.failed, load.requests, alternative="greater").proportion_ci(CONFIDENCE, method="exact").low)


def _figures(loads: Loads) -> dict[str, Any]:
    total = _sum(loads)
    p99 = {model: load.p99_ms for model, load in loads.items() if load.p99_ms is not None}
    return {"requests": total.requests, "failed": total.failed, "p99_ms": p99}
