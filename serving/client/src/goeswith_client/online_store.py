"""Feast's online store below ``FeatureStore.get_online_features``: through its provider, by view and key, opened anew where a connection broke."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

Row = Mapping[str, Any]
"""Feature -> value; a feature that the row does not have is None."""
Keys = Sequence[tuple[str, ...]]
"""Values of a view's join keys, in the order of their names."""
T = TypeVar("T")


class Store(Protocol):
    """What rows are read from, and written to."""

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        """Return a row for each key."""

    def write(self, view: str, rows: Sequence[tuple[tuple[str, ...], Row]], at: datetime) -> None:
        """Write the features that each row has; others of the same key stay."""


def import_feast() -> None:
    """Import what every ``FeastStore`` needs; the kind of store that one has is imported when it is opened."""
    import feast.infra.provider  # noqa: F401


class FeastStore:
    """The store of the folder that holds ``feature_store.yaml``. Importing Feast takes seconds."""

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
        read = self._provider.online_read(self._feast.config, found, [self._entity(names, key) for key in keys], list(features))
        return [{name: _plain((values or {}).get(name)) for name in features} for _, values in read]

    def write(self, view: str, rows: Sequence[tuple[tuple[str, ...], Row]], at: datetime) -> None:
        """Write the features that each row has (texts, numbers, truth values); others of the same key stay."""
        found, names = self._views.get(view) or self._look_up(view)
        written = [(self._entity(names, key), {name: self._proto(value) for name, value in row.items()}, at, None) for key, row in rows]
        self._provider.online_write_batch(self._feast.config, found, written, None)

    def _look_up(self, view: str) -> tuple[Any, list[str]]:
        found = self._feast.get_feature_view(view)
        self._views[view] = (found, sorted(found.join_keys))
        return self._views[view]

    def _entity(self, names: list[str], key: tuple[str, ...]) -> Any:
        return self._key(join_keys=names, entity_values=[self._value(string_val=part) for part in key])

    def _proto(self, value: str | float | bool) -> Any:
        kind = "bool_val" if isinstance(value, bool) else "string_val" if isinstance(value, str) else "double_val"
        return self._value(**{kind: value})


def _plain(value: Any) -> Any:
    """Return one of Feast's values as Python has it; null, and what is not there, as None."""
    kind = value.WhichOneof("val") if value is not None else None
    if kind is None or kind == "null_val":
        return None
    held = getattr(value, kind)
    return list(held.val) if kind.endswith("_list_val") else held


class ReopenedStore:
    """A store that is opened when it is first used, and anew where it fails after it stood: not all stores mend a connection that broke."""

    def __init__(self, folder: Path, open_store: Callable[[Path], Store] = FeastStore) -> None:
        self._folder, self._open = folder, open_store

    @property
    def opened(self) -> bool:
        """Whether the store stands open, as after its first use."""
        return "_store" in self.__dict__

    @cached_property
    def _store(self) -> Store:
        return self._open(self._folder)

    def use(self, do: Callable[[Store], T]) -> T:
        """Return what ``do`` returns; it may be called twice. Raises what the store raises."""
        stood = self.opened
        try:
            return do(self._store)
        except Exception:
            self.__dict__.pop("_store", None)
            if not stood:
                raise
        return self.use(do)
