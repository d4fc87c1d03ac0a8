"""Reading from the online store for many callers: what is asked for at the same time is read together."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from goeswith_client import limits
from goeswith_client.breaker import Breaker
from goeswith_client.last_rows import LastRows
from goeswith_client.online_store import FeastStore, Keys, ReopenedStore, Row, Store

FAILURES, TRY_AGAIN_S = 2, 1.0
"""After so many failures in a row the store counts as away, and is asked once in so many seconds: no caller waits for it meanwhile."""


@dataclass(slots=True)
class Wanted:
    """The rows of a view that one caller waits for: ``found`` or the ``error`` that they ended in, once they were read."""

    view: str
    features: tuple[str, ...]
    keys: Keys
    found: list[Row] | None = None
    error: BaseException | None = None


class OnlineReads:
    """Reads from the online store of the folder that holds ``feature_store.yaml``.

    Not ``FeatureStore.get_online_features``: preparing its response takes longer than reading does. The store reads for one caller
    at a time (Feast's SQLite connection is one for all threads), so who comes meanwhile waits, and the next one to read takes all of them along.
    While the store fails, rows that were read in the last ``last_good_s`` seconds are returned again.
    """

    def __init__(
        self,
        folder: Path,
        open_store: Callable[[Path], Store] = FeastStore,
        last_good_s: float = limits.LAST_GOOD_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = ReopenedStore(folder, open_store)
        self._lock, self._waiting = Lock(), deque[Wanted]()
        self._breaker, self._last = Breaker(FAILURES, TRY_AGAIN_S, clock), LastRows(last_good_s, clock=clock)
        self._error: BaseException | None = None

    @property
    def opened(self) -> bool:
        """Whether Feast was imported and its registry read, as the first reading does."""
        return self._store.opened

    @property
    def away(self) -> bool:
        """Whether the store failed when it was asked last."""
        return self._error is not None

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        """Return a row for each key, values of the view's join keys in the order of their names. Raises what the store raises."""
        own = Wanted(view, tuple(features), keys)
        if self._breaker.allow():
            self._waiting.append(own)
            with self._lock:
                if own.found is None and own.error is None:
                    self._read_waiting()
        else:
            self._recall(own, self._error)
        if own.found is None:
            raise own.error or AssertionError("whoever reads says how it ended")
        return own.found

    def _recall(self, wanted: Wanted, error: BaseException | None) -> None:
        """Give the caller what was read before, else the error."""
        wanted.found = self._last.find(wanted.view, wanted.features, wanted.keys)
        wanted.error = None if wanted.found is not None else error

    def _read_waiting(self) -> None:
        together: dict[tuple[str, tuple[str, ...]], list[Wanted]] = {}
        while self._waiting:
            wanted = self._waiting.popleft()
            together.setdefault((wanted.view, wanted.features), []).append(wanted)
        for (view, features), group in together.items():
            self._read_group(view, features, group)

    def _read_group(self, view: str, features: tuple[str, ...], group: Sequence[Wanted]) -> None:
        keys = list(dict.fromkeys(key for wanted in group for key in wanted.keys))
        try:
            rows = dict(zip(keys, self._store.use(lambda store: store.read(view, features, keys)), strict=True))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            self._error = error
            self._breaker.failed()
            for wanted in group:
                self._recall(wanted, error)
            return
        self._error = None
        self._breaker.succeeded()
        self._last.keep(view, features, rows)
        for wanted in group:
            wanted.found = [rows[key] for key in wanted.keys]
