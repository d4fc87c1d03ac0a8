"""The manifest's signature: HMAC-SHA256 with a key from a file, so that nobody without the key names a version current."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goeswith.errors import ConfigError, ModelInvalid

MIN_KEY_BYTES = 32


def sign(key: Path | None, content: Mapping[str, Any]) -> str:
    """Return the signature of JSON values, '' without a key. Raises ``ConfigError`` for a key that cannot be used."""
    if key is None:
        return ""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.new(_read_key(key), text.encode(), hashlib.sha256).hexdigest()


def check_signature(key: Path | None, content: Mapping[str, Any], signature: str, where: Path) -> None:
    """Raise ``ModelInvalid`` where there is a key and the signature is not the one that it makes."""
    if key and not hmac.compare_digest(sign(key, content), signature):
        found = "its signature does not hold" if signature else "it is not signed"
        remedy = "put the file back from a copy; if you trust the run that it names, move it away and run: goeswith rollout publish --run RUN"
        raise ModelInvalid(f"{where}: {found}, so nobody knows who named these versions", remedy)


def _read_key(path: Path) -> bytes:
    remedy = f"make one: (umask 077; openssl rand -hex {MIN_KEY_BYTES} > FILE), and name it: GOESWITH_SIGNING_KEY=FILE"
    try:
        key = path.expanduser().read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"the signing key {path} cannot be read: {error.strerror}", remedy) from error
    if len(key) < MIN_KEY_BYTES:
        raise ConfigError(f"the signing key {path} holds {len(key)} bytes, at least {MIN_KEY_BYTES}", remedy)
    return key
