"""Watch a canary: roll it back by itself where its golden requests fail, where it errs or is slow; promote it if told so."""

import time
from collections.abc import Mapping

from goeswith.errors import ModelInvalid
from goeswith.profile import Profile
from goeswith.progress import progress
from serving.rollout import manifest as states
from serving.rollout.change import promote, roll_back
from serving.rollout.decision import Bounds, Loads, Verdict, judge
from serving.rollout.loading import replay_served
from serving.rollout.manifest import Published
from serving.rollout.traffic import read_loads, since

POLL_S = 2.0
GOLDEN_EVERY_S = 60.0

Pair = tuple[Loads, Loads]


def watch(profile: Profile, bounds: Bounds, window_s: float, *, promote_it: bool) -> Verdict:
    """Compare the canary with the current version for ``window_s`` seconds and act on it; return what was found.

    'wait' says that it answered too little within the window: then it stays canary. Raises ``ConfigError`` without a canary, and
    ``ModelUnavailable`` where Triton is away: nobody knows then what the canary does, and it stays as it is.
    """
    watched = states.require_trusted(profile)
    states.require_canary(watched)
    verdict = _observe(profile, watched, bounds, window_s)
    if verdict.outcome == "roll back":
        roll_back(profile, watched.version, verdict.why, verdict.figures)
    elif verdict.outcome == "good" and promote_it:
        promote(profile, verdict.why, verdict.figures)
    return verdict


def _observe(profile: Profile, watched: Published, bounds: Bounds, window_s: float) -> Verdict:
    until, replay_at = time.monotonic() + window_s, time.monotonic()
    before = _read(profile, watched)
    with progress("watching the canary", None, unit="looks") as advance:
        while True:
            if time.monotonic() >= replay_at:
                failed = _replay(profile, watched)
                if failed:
                    return failed
                replay_at = time.monotonic() + GOLDEN_EVERY_S
            _check_unchanged(profile, watched)
            now = _read(profile, watched)
            verdict = judge(since(before[0], now[0]), since(before[1], now[1]), bounds)
            advance(1, verdict.why)
            if verdict.outcome == "roll back" or time.monotonic() >= until:
                return verdict
            time.sleep(min(POLL_S, max(until - time.monotonic(), 0)))


def _read(profile: Profile, watched: Published) -> Pair:
    models, canary = watched.current.models, watched.canary
    names: Mapping[str, str] = canary.names if canary else {}
    number = canary.version if canary else watched.version
    return read_loads(profile.triton, models, watched.version, {}), read_loads(profile.triton, models, number, names)


def _replay(profile: Profile, watched: Published) -> Verdict | None:
    try:
        replay_served(profile, states.require_canary(watched), current=False)
    except ModelInvalid as error:
        return Verdict(outcome="roll back", why=error.what, figures={})
    return None


def _check_unchanged(profile: Profile, watched: Published) -> None:
    """Raise ``ModelInvalid`` where somebody else has promoted, replaced or ended the canary."""
    now = states.require_trusted(profile)
    if (now.version, now.canary) != (watched.version, watched.canary):
        raise ModelInvalid("the canary was changed while it was watched", "see: goeswith rollout history")
