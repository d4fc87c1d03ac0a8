"""Rows of feature views from Feast's online store, through its provider: what concurrent callers ask for is read together."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

Row = Mapping[str, Any]
"""Feature -> value; a feature that the row does not have is None."""
Keys = Sequence[tuple[str, ...]]


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

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock, self._waiting = folder, Lock(), deque[Wanted]()

    @property
    def opened(self) -> bool:
        """Whether Feast was imported and its registry read, as the first reading does."""
        return "_store" in self.__dict__

    @cached_property
    def _store(self) -> "_Store":
        return _Store(self._folder)

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
            rows = dict(zip(keys, self._store.read(view, features, keys), strict=True))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            self.__dict__.pop("_store", None)  # a connection that broke is not mended by all stores: the next reading opens another
            for wanted in group:
                wanted.error = error
            return
        for wanted in group:
            wanted.found = [rows[key] for key in wanted.keys]


class _Store:
    """Feast, which takes seconds to import, its provider, and the views that were asked for."""

    def __init__(self, folder: Path) -> None:
        from feast import FeatureStore
        from feast.infra.provider import get_provider
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        self._feast = FeatureStore(repo_path=str(folder))
        self._provider = get_provider(self._feast.config)
        self._key, self._value = EntityKey, Value
        self._views: dict[str, tuple[Any, list[str]]] = {}

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        """Return a row for each key."""
        found, names = self._views.get(view) or self._look_up(view)
        asked = [self._key(join_keys=names, entity_values=[self._value(string_val=part) for part in key]) for key in keys]
        read = self._provider.online_read(self._feast.config, found, asked, list(features))
        return [{name: _plain((values or {}).get(name)) for name in features} for _, values in read]

    def _look_up(self, view: str) -> tuple[Any, list[str]]:
        found = self._feast.get_feature_view(view)
        self._views[view] = (found, sorted(found.join_keys))
        return self._views[view]


def _plain(value: Any) -> Any:
    """Return one of Feast's values as Python has it; null, and what is not there, as None."""
    kind = value.WhichOneof("val") if value is not None else None
    if kind is None or kind == "null_val":
        return None
    held = getattr(value, kind)
    return list(held.val) if kind.endswith("_list_val") else held
