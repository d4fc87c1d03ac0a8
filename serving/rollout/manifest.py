"""The manifest of the model repository: which versions there are, which of them takes which share of requests, and all that happened.

Each state follows from the one before by one function here; a history is only ever added to.
"""

import getpass
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from goeswith.errors import ConfigError, ModelUnavailable
from goeswith.model_contract import MANIFEST, ModelSpec, Precision
from goeswith.profile import Profile
from goeswith.results import write_json
from serving.rollout.signing import check_signature, sign

KEEP = 3
"""Versions on disk: the current one, the canary, and the newest of the others."""
What = Literal["published", "canary", "promoted", "rolled back", "refused"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Version(_Part):
    """One published version: where it comes from, and the hash of every file that it is made of."""

    version: int
    run: str
    release: str
    made_from: str
    """Fingerprint of the export and of the models' code."""
    precision: Precision = "float32"
    models: tuple[ModelSpec, ...]
    metrics: tuple[Mapping[str, Any], ...]
    feature_names: tuple[str, ...]
    published_at: datetime | None = None
    files: Mapping[str, str] = {}
    """Path relative to the repository -> sha256; none of a version from before they were kept, which cannot be checked."""

    @property
    def name(self) -> str:
        """The name under which answers give it."""
        return f"{self.run}/{self.version}"


class Canary(_Part):
    """A version that takes a share of the requests."""

    version: int
    share: float = Field(gt=0, le=1)
    names: Mapping[str, str] = {}
    """Model -> the name under which this version of it is asked, where that is another: an ensemble's steps are pinned to one version."""


class Event(_Part):
    """Something that happened to a version: who did what, when, and why."""

    at: datetime
    by: str
    what: What
    version: int
    run: str
    made_from: str = ""
    why: str = ""
    figures: Mapping[str, Any] = {}


class Published(_Part):
    """The whole state of a repository. ``run`` and ``release`` stand at the top for readers that only ask what is current."""

    version: int
    canary: Canary | None = None
    versions: tuple[Version, ...]
    history: tuple[Event, ...] = ()
    signature: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_older(cls, values: Any) -> Any:
        """Read a manifest from before canaries: it describes the current version alone, so the others that it keeps cannot be gone back to."""
        if not isinstance(values, Mapping):
            return values
        if "kept" not in values:
            return {name: value for name, value in values.items() if name not in ("run", "release")}
        return {"version": values["version"], "versions": [{name: value for name, value in values.items() if name != "kept"}]}

    @model_validator(mode="after")
    def _names_what_it_has(self) -> "Published":
        missing = {self.version, *([self.canary.version] if self.canary else [])} - set(self.kept)
        if missing:
            raise ValueError(f"version {min(missing)} is served and not described")
        return self

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property
    @property
    def run(self) -> str:
        """The run of the current version."""
        return self.current.run

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def release(self) -> str:
        """The release of the current version."""
        return self.current.release

    @property
    def current(self) -> Version:
        """The version that takes all requests but the canary's."""
        return self.find(self.version)

    @property
    def kept(self) -> tuple[int, ...]:
        """The versions that lie on disk."""
        return tuple(version.version for version in self.versions)

    @property
    def served(self) -> tuple[Version, ...]:
        """The versions that take requests, the current one first."""
        return (self.current, *([self.find(self.canary.version)] if self.canary else []))

    def find(self, version: int) -> Version:
        """Return a kept version. Raises ``ConfigError`` that lists those that are."""
        found = next((each for each in self.versions if each.version == version), None)
        if found is None:
            raise ConfigError(
                f"version {version} is not kept", f"kept: {', '.join(map(str, self.kept))}; publish its run again: goeswith rollout publish --run RUN"
            )
        return found


def read_published(repository: Path) -> Published | None:
    """Return the manifest, or None before the first version."""
    path = repository / MANIFEST
    return Published.model_validate_json(path.read_bytes()) if path.exists() else None


def read_trusted(profile: Profile) -> Published | None:
    """Return the manifest, or None before the first version. Raises ``ModelInvalid`` where a key is configured and the signature does not hold."""
    published = read_published(profile.model_repository)
    if published:
        check_signature(profile.signing_key, _content(published), published.signature, profile.model_repository / MANIFEST)
    return published


def require_trusted(profile: Profile) -> Published:
    """Return the manifest. Raises ``ModelUnavailable`` before the first version, ``ModelInvalid`` as ``read_trusted`` does."""
    published = read_trusted(profile)
    if published is None:
        raise ModelUnavailable("no model version was published yet", "run: goeswith demo, or goeswith run train and goeswith run publish")
    return published


def write_published(profile: Profile, published: Published) -> None:
    """Make a state the one that holds, signed where there is a key: atomic, and the last step of every change."""
    signed = published.model_copy(update={"signature": sign(profile.signing_key, _content(published))})
    write_json(profile.model_repository / MANIFEST, signed.model_dump(mode="json"))


def _content(published: Published) -> dict[str, Any]:
    return published.model_dump(mode="json", exclude={"signature"})


def now() -> datetime:
    """Return the time that the manifest states."""
    return datetime.now(UTC)


def new_event(what: What, version: Version, why: str = "", figures: Mapping[str, Any] | None = None) -> Event:
    """Return what happens now, by the user that this process runs as."""
    return Event(
        at=now(),
        by=getpass.getuser(),
        what=what,
        version=version.version,
        run=version.run,
        made_from=version.made_from,
        why=why,
        figures=figures or {},
    )


def make_current(before: Published | None, new: Version, why: str = "", figures: Mapping[str, Any] | None = None) -> Published:
    """Return the state after a version was published for all requests; a canary that is under way ends with it."""
    ended = _without_canary(before, f"version {new.version} was published") if before else None
    return _added(ended, new, {"version": new.version}, new_event("published", new, why, figures))


def make_canary(before: Published, new: Version, canary: Canary, why: str = "", figures: Mapping[str, Any] | None = None) -> Published:
    """Return the state after a version was published for a share of requests, in place of another canary."""
    ended = _without_canary(before, f"version {new.version} was published as canary")
    return _added(ended, new, {"canary": canary}, new_event("canary", new, why, {"share": canary.share, **(figures or {})}))


def promote(before: Published, why: str = "", figures: Mapping[str, Any] | None = None) -> Published:
    """Return the state after the canary took over. Raises ``ConfigError`` where there is none."""
    version = require_canary(before)
    event = new_event("promoted", version, why, figures)
    return before.model_copy(update={"version": version.version, "canary": None, "history": (*before.history, event)})


def roll_back(before: Published, to: int | None, why: str = "", figures: Mapping[str, Any] | None = None) -> Published:
    """Return the state after a canary, and with ``to`` the current version, went out of service: they are kept no longer.

    ``to`` None ends the canary; without one it goes back to the newest kept version before the current one. Raises ``ConfigError``.
    """
    target = before.find(to) if to is not None else before.current if before.canary else _previous(before)
    gone = [version for version in before.served if version.version != target.version]
    if not gone:
        raise ConfigError(f"version {target.version} is current already, and there is no canary", "see: goeswith rollout history")
    events = [new_event("rolled back", version, why, figures) for version in gone]
    left = tuple(version for version in before.versions if version not in gone)
    return before.model_copy(update={"version": target.version, "canary": None, "versions": left, "history": (*before.history, *events)})


def refuse(before: Published, new: Version, why: str) -> Published:
    """Return the state after a version was refused: only the history changes."""
    return before.model_copy(update={"history": (*before.history, new_event("refused", new, why))})


def require_canary(published: Published) -> Version:
    """Return the version that is the canary. Raises ``ConfigError`` where there is none."""
    if published.canary is None:
        raise ConfigError("no canary is under way", "publish one: goeswith rollout publish --canary 0.1")
    return published.find(published.canary.version)


def find_rolled_back(published: Published | None, made_from: str) -> Event | None:
    """Return the event that took the same models out of service, None where that never happened or they were published again since."""
    about = [event for event in (published.history if published else ()) if event.made_from == made_from and event.what != "refused"]
    return about[-1] if about and about[-1].what == "rolled back" else None


def keep_versions(versions: Iterable[Version], served: Iterable[int]) -> tuple[Version, ...]:
    """Return the versions that stay, oldest first: those that are served, and as many of the newest as make ``KEEP``."""
    by_number = {version.version: version for version in versions}
    wanted = set(served)
    for number in sorted(by_number, reverse=True):
        if len(wanted) < KEEP:
            wanted.add(number)
    return tuple(by_number[number] for number in sorted(wanted))


def _added(before: Published | None, new: Version, change: Mapping[str, Any], event: Event) -> Published:
    state = before or Published(version=new.version, versions=(new,))
    after = state.model_copy(update={**change, "versions": (*state.versions, new), "history": (*state.history, event)})
    return after.model_copy(update={"versions": keep_versions(after.versions, [version.version for version in after.served])})


def _without_canary(before: Published, why: str) -> Published:
    return roll_back(before, None, why) if before.canary else before


def _previous(before: Published) -> Version:
    older = [version for version in before.versions if version.version < before.version]
    if not older:
        raise ConfigError(f"no version before {before.version} is kept", "publish an earlier run again: goeswith rollout publish --run RUN")
    return older[-1]
