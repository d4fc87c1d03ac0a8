"""Which ids an unknown one may have meant."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from goeswith import lake
from goeswith.errors import VersionMissing
from goeswith.profile import Profile
from goeswith.releases import read_release

COMPARED = 50_000
"""At most so many ids are compared: about a second."""


class NearestIds:
    """Finds the ids closest to a mistyped one. ``list_ids`` is called on the first miss only."""

    def __init__(self, list_ids: Callable[[], Sequence[str]]) -> None:
        self._list_ids = list_ids
        self._ids: Sequence[str] | None = None

    def find(self, item_id: str) -> tuple[str, ...]:
        """Return up to three close ids, the closest first."""
        if self._ids is None:
            self._ids = self._list_ids()[:COMPARED]
        return tuple(get_close_matches(item_id, self._ids, n=3, cutoff=0.6))


def released_ids(profile: Profile) -> list[str]:
    """Return the ids of the newest release, sorted; none before the first release."""
    try:
        version = read_release(profile).version_of("items")
    except VersionMissing:
        return []
    found: list[str] = lake.read_table(profile, "items", version=version, columns=["item_id"])["item_id"].to_pylist()
    return sorted(found)
