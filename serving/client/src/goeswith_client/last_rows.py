"""The rows that were read last: what is answered with while the online store is away."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from goeswith_client.online_store import Keys, Row

KEPT = 20_000
"""Rows; some tens of megabytes. Beyond them those that were not read for longest go."""


class LastRows:
    """Rows by view, features and key, none of them older than ``seconds``. One thread at a time may call ``keep``; any may call ``find``."""

    def __init__(self, seconds: float, kept: int = KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._kept, self._clock = seconds, kept, clock
        self._rows = OrderedDict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[float, Row]]()

    def keep(self, view: str, features: tuple[str, ...], rows: Mapping[tuple[str, ...], Row]) -> None:
        """Keep rows that were read just now."""
        if not self._seconds:
            return
        now = self._clock()
        for key, row in rows.items():
            self._rows[view, features, key] = (now, row)
            self._rows.move_to_end((view, features, key))
        while len(self._rows) > self._kept:
            self._rows.popitem(last=False)

    def find(self, view: str, features: tuple[str, ...], keys: Keys) -> list[Row] | None:
        """Return the rows; None unless all of them are here."""
        oldest = self._clock() - self._seconds
        found: Sequence[tuple[float, Row] | None] = [self._rows.get((view, features, key)) for key in keys]
        rows = [kept[1] for kept in found if kept and kept[0] >= oldest]
        return rows if len(rows) == len(keys) else None
