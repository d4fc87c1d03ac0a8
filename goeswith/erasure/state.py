"""What is left to do of an erasure, so that one that was cut short is finished; and the record of those that were."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from goeswith.errors import UpkeepRefused
from goeswith.pins import read_models
from goeswith.profile import Profile
from goeswith.results import write_json

PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure under way. ``token`` tells whether it is about the same user, and says nothing about who that is without the hash key.

    ``rows`` are those that were found, by table; ``storage`` the files and bytes of all tables before; ``done`` the steps that are finished.
    """

    run: str
    token: str
    started: str
    rows: Mapping[str, int]
    storage: Mapping[str, int]
    done: Sequence[str] = ()

    @property
    def began(self) -> datetime:
        """When it was begun."""
        return datetime.fromisoformat(self.started)


def folder_of(profile: Profile) -> Path:
    """Return where the records of erasures lie."""
    return profile.root / "erasures"


def token_of(profile: Profile, user_hash: str) -> str:
    """Return a name for an erasure that only who has the hash key, and the user's id, can tell whom it is about."""
    key = profile.user_hash_key.get_secret_value().encode()
    return hmac.new(key, f"erasure of {user_hash}".encode(), hashlib.sha256).hexdigest()[:16]


def find_pending(profile: Profile, token: str) -> Erasure | None:
    """Return the erasure of this user that was begun and not finished."""
    path = _path(profile, token)
    return Erasure(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def begin(profile: Profile, token: str, rows: Mapping[str, int], storage: Mapping[str, int]) -> Erasure:
    """Note that an erasure has begun."""
    now = datetime.now(UTC)
    erasure = Erasure(run=f"erasure-{now:%Y%m%dT%H%M%S%f}", token=token, started=now.isoformat(), rows=dict(rows), storage=dict(storage))
    write_json(_path(profile, token), asdict(erasure))
    return erasure


def do_steps(profile: Profile, erasure: Erasure, steps: Mapping[str, Callable[[], object]]) -> None:
    """Do the steps that are not done yet, in order, noting each; a step that was cut short is done again from its beginning."""
    for name, step in steps.items():
        if name not in erasure.done:
            step()
            erasure = replace(erasure, done=(*erasure.done, name))
            write_json(_path(profile, erasure.token), asdict(erasure))


def finish(profile: Profile, erasure: Erasure, record: Mapping[str, object]) -> Path:
    """Keep the record of a finished erasure, which names no user, and let go of its state."""
    path = write_json(folder_of(profile) / f"{erasure.run}.json", record)
    _path(profile, erasure.token).unlink()
    return path


def models_to_rebuild(profile: Profile) -> list[str]:
    """Return the runs whose models are older than the last erasure: they were trained with somebody who was forgotten since."""
    finished = [path.stat().st_mtime for path in folder_of(profile).glob("erasure-*.json")]
    return sorted(read_models(profile, before=max(finished))) if finished else []


def require_none_pending(profile: Profile) -> None:
    """Raise ``UpkeepRefused`` where an erasure was begun and not finished: a job could write the user back."""
    if any((folder_of(profile) / PENDING).glob("*.json")):
        raise UpkeepRefused("an erasure is under way, or was cut short", "let it finish, or finish it: goeswith forget-user ID, with the same ID")


def _path(profile: Profile, token: str) -> Path:
    return folder_of(profile) / PENDING / f"{token}.json"
