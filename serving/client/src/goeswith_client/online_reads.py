"""Reading from the online store for many callers: what is asked for at the same time is read together."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from goeswith_client.online_store import FeastStore, Keys, ReopenedStore, Row, Store


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
    """

    def __init__(self, folder: Path, open_store: Callable[[Path], Store] = FeastStore) -> None:
        self._store = ReopenedStore(folder, open_store)
        self._lock, self._waiting = Lock(), deque[Wanted]()

    @property
    def opened(self) -> bool:
        """Whether Feast was imported and its registry read, as the first reading does."""
        return self._store.opened

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        """Return a row for each key, values of the view's join keys in the order of their names. Raises what the store raises."""
        own = Wanted(view, tuple(features), keys)
        self._waiting.append(own)
        with self._lock:
            if own.found is None and own.error is None:
                self._read_waiting()
        if own.found is None:
            raise own.error or AssertionError("whoever reads says how it ended")
        return own.found

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
            for wanted in group:
                wanted.error = error
            return
        for wanted in group:
            wanted.found = [rows[key] for key in wanted.keys]
