"""Online against offline: whether the online store serves, row by row, what was released, and how old that is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureStore

from feature_repo.jobs.materialise import STATE, read_state
from feature_repo.slices import Slice, list_slices
from feature_repo.snapshots import Versions, snapshot_path, write_snapshots
from feature_repo.store import open_store
from goeswith.errors import VersionMissing
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.releases import read_release

BATCH = 1_000
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ViewCheck:
    """How one view stands: of the ``rows`` looked at, how many are ``missing`` online and how many are ``different`` there."""

    view: str
    rows: int
    missing: int
    different: int
    stale: bool
    """Whether the release is older than the table may be."""
    examples: tuple[str, ...]
    """Some of those that are missing or different, by key, with the feature that differs."""

    @property
    def holds(self) -> bool:
        """Whether the view serves what was released, and that is not too old."""
        return not (self.missing or self.different or self.stale)


@dataclass(frozen=True, slots=True)
class Check:
    """The release that is served online, the newest one, the age of the former [s], and each view."""

    served: str
    newest: str
    age_s: float
    views: tuple[ViewCheck, ...]

    @property
    def holds(self) -> bool:
        """Whether the newest release is served as it was released."""
        return self.served == self.newest and all(view.holds for view in self.views)


def check_online(profile: Profile, sample: int | None = None) -> Check:
    """Compare what the online store should hold with what it serves; ``sample`` rows of each view, evenly taken, None: all.

    Raises ``VersionMissing`` where nothing was materialised.
    """
    state = read_state(profile.features / STATE)
    if "versions" not in state:
        raise VersionMissing("the online store holds no release", "run: goeswith run publish")
    age_s = (datetime.now(UTC) - datetime.fromisoformat(state["released_at"])).total_seconds()
    write_snapshots(profile, state["versions"])
    store, parts = open_store(profile), [part for part in list_slices() if part.online]
    with progress("online against offline", len(parts), unit="views") as advance:
        views = tuple(_view(profile, store, part, state["versions"], sample, age_s, advance) for part in parts)
    return Check(state["release"], read_release(profile).name, age_s, views)


def _view(
    profile: Profile, store: FeatureStore, part: Slice, versions: Versions, sample: int | None, age_s: float, advance: Callable[[int, str], None]
) -> ViewCheck:
    rows = missing = different = 0
    examples: list[str] = []
    for batch in _batches(profile, part, versions, sample):
        rows += batch.num_rows
        for key, differs, is_missing in differences(store, part, batch):
            missing, different = missing + is_missing, different + (not is_missing)
            examples.append(f"{key}: {differs}")
        examples = examples[:EXAMPLES]
    advance(1, part.name)
    freshness = part.table.freshness
    return ViewCheck(part.name, rows, missing, different, freshness is not None and age_s > freshness.total_seconds(), tuple(examples))


def _batches(profile: Profile, part: Slice, versions: Versions, sample: int | None) -> Iterator[pa.RecordBatch]:
    """Yield the released rows, or about ``sample`` of them, one of every so many."""
    file = pq.ParquetFile(snapshot_path(profile, part, versions))
    step = max(1, file.metadata.num_rows // sample) if sample else 1
    for batch in file.iter_batches(BATCH * step):
        yield batch.take(pa.array(range(0, batch.num_rows, step), pa.int64()))


def differences(store: FeatureStore, part: Slice, batch: pa.RecordBatch) -> Iterator[tuple[str, str, bool]]:
    """Yield key, what differs, and whether the row is missing altogether, of each row that is not served as it is offline."""
    names = [name for name in part.features if not pa.types.is_timestamp(part.schema.field(name).type)]
    keys, rows = batch.select(list(part.entity)).to_pylist(), batch.select(names).to_pylist()
    served: Mapping[str, Sequence[Any]] = store.get_online_features([f"{part.name}:{name}" for name in names], keys).to_dict()
    for place, (key, row) in enumerate(zip(keys, rows, strict=True)):
        wrong = [name for name in names if not same(row[name], served[name][place])]
        if wrong:
            is_missing = all(served[name][place] is None for name in names)
            yield " > ".join(key.values()), "missing" if is_missing else ", ".join(wrong), is_missing


def same(offline: Any, online: Any) -> bool:
    """Return whether a value came through: Feast knows no empty list and no NaN but null."""
    offline, online = (None if value == [] or _is_nan(value) else value for value in (offline, online))
    if isinstance(offline, list) and isinstance(online, list):
        return len(offline) == len(online) and all(same(a, b) for a, b in zip(offline, online, strict=True))
    return bool(offline == online)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)
