"""API keys: who may ask what. At rest there is a hash of each, in one file of the deployment's home."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from goeswith.errors import ConfigError
from goeswith.results import hold_file, write_json
from goeswith_client.replaced import ReplacedFile

logger = logging.getLogger(__name__)

Scope = Literal["ask", "search", "metrics", "dashboard", "rules", "events", "offers"]
SCOPES: tuple[str, ...] = get_args(Scope)
PREFIX = "gw_"
"""So that a key is recognised where it should not be: in a repository, a log, a chat."""


class ApiKey(BaseModel):
    """One key at rest. ``name`` is what logs show of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1), AfterValidator(lambda scopes: tuple(dict.fromkeys(scopes)))]
    created: datetime
    revoked: datetime | None = None


_KEYS = TypeAdapter(tuple[ApiKey, ...])


def hash_key(key: str) -> str:
    """Return a key's hash.

    A key is 256 random bits, which nobody finds by trying: a slow and salted hash protects what people choose, and would cost each request.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """Return all keys, the revoked ones too; none where there is no file. Raises ``ConfigError`` for a file that is damaged."""
    try:
        return _KEYS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} holds no keys that can be read", "restore it, or remove it and create the keys anew") from error


def create_key(path: Path, name: str, scopes: tuple[str, ...]) -> str:
    """Write a new key's hash and return the key, which nothing shows again. Raises ``ConfigError`` for a bad or taken name, or an unknown scope."""
    key = PREFIX + secrets.token_urlsafe(32)
    values = {"name": name, "sha256": hash_key(key), "scopes": scopes, "created": datetime.now(UTC)}
    try:
        made = ApiKey.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"no key was made: {wrong}", f"a name of letters, digits, '.', '_', '-'; scopes: {', '.join(SCOPES)}") from error

    def add(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        if any(key.name == name and key.revoked is None for key in keys):
            raise ConfigError(f"a key is called {name!r} already", f"choose another name, or: goeswith keys revoke {name}")
        return (*keys, made)

    _change(path, add)
    return key


def revoke_key(path: Path, name: str) -> None:
    """Revoke a key: from now on the gateway refuses it. Raises ``ConfigError`` where no valid key has the name."""

    def revoke(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        valid = [key for key in keys if key.name == name and key.revoked is None]
        if not valid:
            names = ", ".join(key.name for key in keys if key.revoked is None) or "none"
            raise ConfigError(f"no valid key is called {name!r}", f"valid keys: {names}")
        return tuple(key.model_copy(update={"revoked": datetime.now(UTC)}) if key in valid else key for key in keys)

    _change(path, revoke)


def _change(path: Path, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
    with hold_file(path):
        write_json(path, _KEYS.dump_python(change(read_keys(path)), mode="json"), mode=0o600)


class Keys:
    """The keys of a gateway, read again whenever the file was replaced, so that revoking one acts at once.

    Without any key everybody may ask, where ``open_without`` allows that. A file that is damaged opens nothing.
    """

    def __init__(self, path: Path | None = None, *, open_without: bool = True) -> None:
        self._file = None if path is None else ReplacedFile[tuple[ApiKey, ...] | None](path, _load, missing=())
        self._open_without = open_without

    @property
    def needed(self) -> bool:
        """Whether a question needs a key: a deployment that revoked its last one is not open again."""
        return not self._open_without or self._all() != ()

    def find(self, key: str) -> ApiKey | None:
        """Return the key at rest that is neither unknown nor revoked; as long for each, whichever it is."""
        hashed = hash_key(key)
        found = [known for known in self._all() or () if hmac.compare_digest(known.sha256, hashed)]
        return next((known for known in found if known.revoked is None), None)

    def _all(self) -> tuple[ApiKey, ...] | None:
        """Return the keys; None where the file is damaged."""
        try:
            return () if self._file is None else self._file.read()
        except OSError:
            return None


def _load(path: Path) -> tuple[ApiKey, ...] | None:
    try:
        return read_keys(path)
    except ConfigError as error:
        logger.error("%s", error)
        return None
