"""Whether a training that is due is asked for, and why not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from goeswith.drift.history import read_asked
from goeswith.drift.reference import Reference
from goeswith.leases import live_leases
from goeswith.pins import read_models
from goeswith.profile import Profile
from goeswith.releases import valid_releases

TRAINING = ("build_training_set", "train_cirp", "train_bundles", "train_mmsc", "export_models")
"""Jobs of a training that is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``training``: the run that is asked for; None where none is, and ``why_not`` says why although it is due."""

    training: str | None = None
    why_not: str | None = None


def decide(profile: Profile, run: str, reference: Reference | None, at: datetime, cool_down: timedelta) -> Decision:
    """Return whether a training that is due is asked for. It gets its name from ``run``, so that it is one however often it is asked for."""
    why_not = _why_not(profile, reference, at, cool_down)
    return Decision(why_not=why_not) if why_not else Decision(training=f"{run}-train")


def _why_not(profile: Profile, reference: Reference | None, at: datetime, cool_down: timedelta) -> str | None:
    if reference is None or not reference.served:
        return "no models are served that could be replaced by better ones"
    for asked_at, training in read_asked(profile):
        if asked_at > at - cool_down:
            return f"training was asked for on {asked_at:%Y-%m-%d}, by drift: run {training}"
    newer = _trained_since(profile, max(reference.release.created_at, at - cool_down))
    if newer:
        return f"run {newer} trained models from newer tables, which are not served yet: goeswith run publish"
    running = [lease for lease in live_leases(profile) if lease.job in TRAINING]
    return f"run {running[0].run} is training" if running else None


def _trained_since(profile: Profile, since: datetime) -> str | None:
    """Return a run whose models lie here and were released later."""
    models = {release: run for run, release in read_models(profile).items()}
    newer = [release for release in valid_releases(profile) if release.name in models and release.created_at > since]
    return models[newer[-1].name] if newer else None
