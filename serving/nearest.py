"""Which ids an unknown one may have meant."""

import logging
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from threading import Lock

from goeswith import lake
from goeswith.errors import GoeswithError
from goeswith.profile import Profile
from goeswith.releases import read_release

logger = logging.getLogger(__name__)

COMPARED = 50_000
"""At most so many ids are compared: about a second."""


class NearestIds:
    """Finds the ids closest to a mistyped one. ``list_ids`` is called on the first miss only.

    One search at a time, others go without: it is a courtesy, and many wrong ids must not keep the processor from right ones.
    """

    def __init__(self, list_ids: Callable[[], Sequence[str]]) -> None:
        self._list_ids = list_ids
        self._ids: Sequence[str] | None = None
        self._lock = Lock()

    def find(self, item_id: str) -> tuple[str, ...]:
        """Return up to three close ids, the closest first; none while another search runs."""
        if not self._lock.acquire(blocking=False):
            return ()
        try:
            if self._ids is None:
                self._ids = self._list_ids()[:COMPARED]
            return tuple(get_close_matches(item_id, self._ids, n=3, cutoff=0.6))
        finally:
            self._lock.release()


def released_ids(profile: Profile) -> list[str]:
    """Return the ids of the newest release, sorted; none before the first release, or where the lake cannot be read."""
    try:
        version = read_release(profile).version_of("items")
        found: list[str] = lake.read_table(profile, "items", version=version, columns=["item_id"])["item_id"].to_pylist()
    except GoeswithError as error:
        logger.warning("no ids to compare a mistyped one with: %s", error)
        return []
    return sorted(found)
