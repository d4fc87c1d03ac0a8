"""Promote a canary, or go back: what a person, or the watch, does to a published version."""

from collections.abc import Mapping
from typing import Any

from goeswith.errors import ModelInvalid
from goeswith.profile import Profile
from serving.rollout import manifest as states
from serving.rollout import repository as repo
from serving.rollout.integrity import check_files
from serving.rollout.loading import replay_served, switch, verify_alone
from serving.rollout.manifest import Published, Version

Figures = Mapping[str, Any]


def promote(profile: Profile, why: str = "", figures: Figures | None = None) -> Published:
    """Let the canary take all requests, once its golden requests hold on the running Triton; where they do not, it is rolled back.

    Raises ``ConfigError`` where there is no canary, ``ModelInvalid`` where it was rolled back.
    """
    with repo.locked(profile.model_repository):
        before = states.require_trusted(profile)
        version = states.require_canary(before)
        try:
            check_files(profile.model_repository, version)
            worst = replay_served(profile, version, current=False)
        except ModelInvalid as error:
            _roll_back(profile, before, None, error.what)
            raise ModelInvalid(f"{version.name} was rolled back: {error.what}", error.remedy) from error
        after = states.promote(before, why, {"golden_max_abs_diff": worst, **(figures or {})})
        switch(profile, before, after, linger=True)
        return after


def roll_back(profile: Profile, to: int | None = None, why: str = "", figures: Figures | None = None) -> Published:
    """End the canary; without one, or with ``to``, go back to an earlier version. Raises ``ConfigError``, ``ModelInvalid``."""
    with repo.locked(profile.model_repository):
        return _roll_back(profile, states.require_trusted(profile), to, why, figures)


def _roll_back(profile: Profile, before: Published, to: int | None, why: str, figures: Figures | None = None) -> Published:
    after = states.roll_back(before, to, why, figures)
    switch(profile, before, after, linger=False)
    repo.remove_unnamed(profile.model_repository, after.kept)
    return after


def verify(profile: Profile, number: int | None = None) -> dict[str, Any]:
    """Check a kept version, the current one if none is named: the manifest's signature, every file, every tensor, every golden answer.

    It is asked on a Triton of its own, so nothing that is served changes. Raises ``ModelInvalid``.
    """
    with repo.locked(profile.model_repository):
        published = states.require_trusted(profile)
        version: Version = published.current if number is None else published.find(number)
        files, worst = verify_alone(profile, profile.model_repository, version)
    signed = "holds" if profile.signing_key else "not checked: no key is configured"
    return {"version": version.version, "run": version.run, "files": files, "signature": signed, "golden_max_abs_diff": worst}
