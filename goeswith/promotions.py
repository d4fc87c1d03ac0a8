"""Promotions: of each training one record that says whether its models go live, by which figures, and who let them.

``compare_models`` begins it, ``decide_promotion`` completes it, a person approves where the profile asks for one. A publish reads it.
"""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile
from goeswith.results import hold_file, write_json

Decision = Literal["undecided", "promoted", "kept back"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Champion(_Part):
    """The version that answers most requests: what a challenger is compared with."""

    version: int
    run: str
    release: str

    @property
    def name(self) -> str:
        """The name under which answers give it."""
        return f"{self.run}/{self.version}"


class Interval(_Part):
    """A mean with its 95% interval."""

    value: float
    low: float
    high: float


class Difference(_Part):
    """What both models reached on the same ``n`` questions of a slice, and the challenger less the champion, paired by question.

    ``guarded``: a loss there keeps the challenger back.
    """

    task: str
    slice: str
    metric: str
    n: int
    champion: Interval
    challenger: Interval
    difference: Interval
    guarded: bool


class Comparison(_Part):
    """Champion against challenger: whether the challenger is worse, in words, and the figures behind it."""

    worse: bool
    why: str
    differences: tuple[Difference, ...] = ()


class Gate(_Part):
    """A version of a table that the models were made from, and what its last gate decided; None: no gate looked at it."""

    table: str
    version: int
    decision: str | None


class Latency(_Part):
    """Median milliseconds of a model's golden requests, of both versions on one server."""

    model: str
    champion_ms: float
    challenger_ms: float


class Approval(_Part):
    """What a person said about a training whose figures hold."""

    by: str
    at: datetime
    approved: bool
    why: str = ""


class Promotion(_Part):
    """The record of one training; what stands at its default was not known when the decision was taken."""

    run: str
    decision: Decision = "undecided"
    reason: str = ""
    at: datetime
    champion: Champion | None
    compared: Comparison
    models: str
    """Fingerprint of the challenger's models that were compared."""
    made_from: str
    """Fingerprint of all that the comparison depends on."""
    release: str = ""
    recipes: Mapping[str, Any] = {}
    seed: int | None = None
    metrics: Mapping[Literal["champion", "challenger"], tuple[Mapping[str, Any], ...]] = {}
    """The figures that each stated of itself, on its own holdout; those of the comparison are on the questions that both may answer."""
    gates: tuple[Gate, ...] = ()
    latency: tuple[Latency, ...] = ()
    manifest_sha256: str = ""
    """Of the export's manifest, which holds the hash of every file."""
    approval: Approval | None = None

    @property
    def awaits_approval(self) -> bool:
        """Whether all figures hold and a person is still to be asked."""
        return self.decision == "undecided" and bool(self.manifest_sha256)

    @property
    def by(self) -> str:
        """Who decided: a person's name, '' where nobody was asked."""
        return self.approval.by if self.approval else ""


def find_champion(profile: Profile) -> Champion | None:
    """Return the current version, None before the first was published. Raises ``ModelInvalid`` for a manifest that cannot be read."""
    path = profile.model_repository / MANIFEST
    if not path.exists():
        return None
    try:
        return _Served.model_validate_json(path.read_bytes()).champion
    except ValidationError as error:
        raise ModelInvalid(f"{path} does not say which version is current", "put the file back from a copy, or publish a run by name") from error


class _Served(BaseModel):
    """What the model repository's manifest says at its top."""

    version: int
    run: str
    release: str

    @property
    def champion(self) -> Champion:
        return Champion(version=self.version, run=self.run, release=self.release)


def read_promotion(profile: Profile, run: str) -> Promotion | None:
    """Return the record of a training, None where there is none: it was exported by hand, or before there were records."""
    path = promotion_path(profile, run)
    return _read(path) if path.exists() else None


def require_promotion(profile: Profile, run: str) -> Promotion:
    """Return the record of a training. Raises ``ConfigError`` where there is none."""
    found = read_promotion(profile, run)
    if found is None:
        raise ConfigError(f"nothing compared run {run!r} with what is served", f"run: goeswith job compare_models --run {run}")
    return found


def read_promotions(profile: Profile) -> list[Promotion]:
    """Return the records of all trainings, the oldest first."""
    return sorted((_read(path) for path in profile.promotions.glob("*.json")), key=lambda record: record.at)


def write_promotion(profile: Profile, promotion: Promotion) -> Path:
    """Write a record in place of what it said before."""
    return write_json(promotion_path(profile, promotion.run), promotion.model_dump(mode="json"))


def promotion_path(profile: Profile, run: str) -> Path:
    """Return where the record of a training lies."""
    return profile.promotions / f"{run}.json"


def _read(path: Path) -> Promotion:
    try:
        return Promotion.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelInvalid(
            f"{path} is no record of a promotion: {error.errors()[0]['msg']}", "put the file back from a copy, or remove it"
        ) from error


def approve(profile: Profile, run: str, *, approved: bool, by: str = "", why: str = "") -> Promotion:
    """Write down what a person (the user of this process, unless named) says about a training that awaits it, and what follows.

    Saying the same again changes nothing. Raises ``ConfigError`` for one whose figures do not hold, or that nothing has decided about yet.
    """
    with hold_file(promotion_path(profile, run)):
        found = require_promotion(profile, run)
        if not found.awaits_approval and found.approval is None:
            raise ConfigError(f"run {run!r} awaits no approval: it is {found.decision}; {found.reason}", "see: goeswith rollout history")
        said = Approval(by=by or getpass.getuser(), at=now(), approved=approved, why=why)
        write_promotion(profile, after := answered(found, said))
    return after


def answered(found: Promotion, said: Approval) -> Promotion:
    """Return a record after a person's answer."""
    if found.approval and (found.approval.by, found.approval.approved, found.approval.why) == (said.by, said.approved, said.why):
        return found
    because = f": {said.why}" if said.why else ""
    reason = f"approved by {said.by}{because}; {found.compared.why}" if said.approved else f"not approved by {said.by}{because}"
    return found.model_copy(update={"approval": said, "decision": "promoted" if said.approved else "kept back", "reason": reason, "at": said.at})


def may_be_published(profile: Profile, run: str) -> bool:
    """Return whether a training's export goes live unasked: it was promoted, or nothing ever compared it."""
    found = read_promotion(profile, run)
    return found is None or found.decision == "promoted"


def now() -> datetime:
    """Return the time that a record states."""
    return datetime.now(UTC)
