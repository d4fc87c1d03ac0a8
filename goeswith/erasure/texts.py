"""Logs, records and reports below the home that name a user."""

import re
from collections.abc import Iterator
from pathlib import Path

from goeswith.erasure.person import Person
from goeswith.profile import Profile

HASH = re.compile(rb"[0-9a-f]{64}")
MASK = b"*"


def mask_texts(profile: Profile, person: Person) -> int:
    """Write stars over the user's names, and over the hashes of their baskets and events, in every text; return in how many files.

    What is masked keeps its length, so that JSON stays JSON and a log can still be read.
    """
    return sum(_mask(path, person) for path in text_files(profile))


def find_texts(profile: Profile, person: Person) -> list[Path]:
    """Return the texts that name a user."""
    return [path for path in text_files(profile) if masked(path.read_bytes(), person) is not None]


def text_files(profile: Profile) -> Iterator[Path]:
    """Yield every file below the home that is neither a table, nor a picture, nor a model, nor Feast's: these know no user."""
    apart = {Path(profile.lake_uri), profile.pictures, profile.models, profile.model_repository, profile.features}
    for path in sorted(profile.root.rglob("*")):
        if path.is_file() and not apart.intersection(path.parents):
            yield path


def masked(content: bytes, person: Person) -> bytes | None:
    """Return the content with the user's names masked, None where it holds none."""
    ids = {name.encode() for name in (*person.baskets, *person.events)}
    found = HASH.sub(lambda match: MASK * len(match[0]) if match[0] in ids else match[0], content)
    for name in person.texts:
        found = found.replace(name.encode(), MASK * len(name.encode()))
    return None if found == content else found


def _mask(path: Path, person: Person) -> bool:
    found = masked(path.read_bytes(), person)
    if found is not None:
        with path.open("r+b") as file:  # in place: no second copy lies about
            file.write(found)
    return found is not None
