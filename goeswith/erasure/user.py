"""Who is to be forgotten: the keyed hash under which ingest knows a user, and the key that it was made with."""

import hashlib
import hmac
import os

from goeswith.errors import ConfigError
from goeswith.profile import Profile

PLAIN_ID_CHARS = 8
"""An id of at least so many characters is looked for in texts as well: a shorter one stands in too many of them by chance."""
VARIABLE = "GOESWITH_USER_HASH_KEY"


def hash_user(profile: Profile, user: str) -> str:
    """Return the hash that ingest gave to the source's id of a user: HMAC-SHA-256 (RFC 2104) in hex. Raises ``ConfigError`` for no id."""
    name = user.strip()
    if not name:
        raise ConfigError("a user without an id cannot be found", "give the id as the source writes it")
    return keyed_hash(name, profile.user_hash_key.get_secret_value())


def keyed_hash(text: str, key: str) -> str:
    """Return what ``spark_jobs.cleaning.keyed_hash`` returns for the same text and key."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def key_origin(profile: Profile) -> str:
    """Return where the key comes from, never the key: one other than ingest's finds nobody."""
    if VARIABLE in os.environ:
        return f"the variable {VARIABLE}"
    default = Profile.model_fields["user_hash_key"].default
    return "the project's default" if profile.user_hash_key == default else f"the profile {profile.profile!r}"
