"""Bundles and baskets as units of items, and which of them the holdout reserves."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.errors import DataContractError
from goeswith.jobs import JobRun
from training.bundle_cases import BundleCases, leave_one_out
from training.dataset import Times

Keep = Callable[[pa.Table], pa.Table]
"""Which rows of a batch of events are kept."""

EPOCH = np.datetime64(0, "us")
"""What the catalogue writes where a source has no times."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """Ids that one split reserves."""

    baskets: frozenset[str]
    bundles: frozenset[str]
    items: frozenset[str]
    edges: tuple[tuple[str, str, str], ...]
    """(relation, src, dst)."""


@dataclass(frozen=True, slots=True)
class Units:
    """U bundles or baskets by their item ids, with the time (U,) at which each was made; NaT where unknown."""

    members: tuple[tuple[str, ...], ...]
    times: Times
    what: str
    """'bundles' or 'baskets'."""
    groups: tuple[str, ...]
    """(U,) what a split never cuts through: a bundle's session or author, a basket itself."""


def read_reserved(job: JobRun, split: str) -> Reserved:
    """Read what ``split`` reserves. Raises ``DataContractError`` for an edge that is not 'relation|src|dst'."""
    rows = lake.read_table(job.profile, "holdout", version=job.version_of("holdout"), columns=["kind", "id"], where={"split": split})
    found = defaultdict(list)
    for kind, name in zip(rows["kind"].to_pylist(), rows["id"].to_pylist(), strict=True):
        found[kind].append(name)
    edges = tuple(_edge(name) for name in sorted(found["edge"]))
    return Reserved(frozenset(found["basket"]), frozenset(found["bundle"]), frozenset(found["item"]), edges)


def _edge(name: str) -> tuple[str, str, str]:
    parts = name.split("|")
    if len(parts) != 3:
        raise DataContractError(f"holdout names the edge {name!r}", "edges are 'relation|src|dst', and item ids hold no '|'")
    return parts[0], parts[1], parts[2]


def read_units(job: JobRun, reserved: Reserved) -> Units:
    """Read the reserved bundles or, where the source has none, the reserved baskets."""
    if reserved.bundles:
        return as_units(_among(read_bundles(job), "bundle_id", reserved.bundles), "bundle_id", "known_at", "bundles")
    if not reserved.baskets:
        return Units((), np.array([], dtype="datetime64[us]"), "baskets", ())
    return read_baskets(job, lambda rows: _among(rows, "basket_id", reserved.baskets))


def read_bundles(job: JobRun) -> pa.Table:
    """Read all bundles, a row an item."""
    columns = ["bundle_id", "item_id", "group_id", "known_at"]
    return lake.read_table(job.profile, "bundles", version=job.version_of("bundles"), columns=columns)


def read_baskets(job: JobRun, keep: Keep) -> Units:
    """Read the baskets that ``keep`` leaves, with what stands in them: not cancelled, and fewer pieces returned than bought.

    ``keep`` may leave less and less while it reads: it is asked once more at the end.
    """
    bought = keep(_read_events(job, "purchase", lambda rows: keep(rows.filter(pc.greater(rows["quantity"], 0)))))
    kept = pc.unique(bought["basket_id"])
    taken = _read_events(job, "return", lambda rows: rows.filter(pc.is_in(rows["basket_id"], value_set=kept)))
    rows = standing_purchases(bought, taken) if taken.num_rows else bought
    return as_units(rows, "basket_id", "happened_at", "baskets")


def _read_events(job: JobRun, kind: str, keep: Keep) -> pa.Table:
    """Read the events that ``keep`` leaves, batch by batch."""
    columns = ["basket_id", "item_id", "quantity", "happened_at"]
    batches = lake.read_batches(job.profile, "events", version=job.version_of("events"), columns=columns, where={"kind": kind})
    kept = [keep(pa.Table.from_batches([batch])) for batch in batches]
    return pa.concat_tables(kept) if kept else pa.schema([find_table("events").schema.field(name) for name in columns]).empty_table()


def standing_purchases(bought: pa.Table, taken: pa.Table) -> pa.Table:
    """Return the purchases (basket_id, item_id, quantity, …) of entries of which ``taken``, the returns, leave a piece."""
    entry = ["basket_id", "item_id"]
    pieces = [rows.group_by(entry).aggregate([("quantity", "sum")]) for rows in (bought, taken)]
    both = pieces[0].join(pieces[1], keys=entry, join_type="inner", right_suffix="_taken")
    gone = both.filter(pc.less_equal(both["quantity_sum"], both["quantity_sum_taken"])).select(entry)
    return bought.join(gone, keys=entry, join_type="left anti")


def _among(rows: pa.Table, column: str, names: Iterable[str]) -> pa.Table:
    return rows.filter(pc.is_in(rows[column], value_set=pa.array(sorted(names), pa.string())))


def as_units(rows: pa.Table, key: str, time: str, what: str) -> Units:
    """Return rows, one an item of a unit, as units in the order of their ids."""
    members: dict[str, set[str]] = defaultdict(set)
    made: dict[str, np.datetime64] = {}
    groups: dict[str, str] = {}
    times = rows[time].cast(pa.int64()).to_pylist()
    of = rows["group_id" if "group_id" in rows.schema.names else key].to_pylist()
    for name, item, at, group in zip(rows[key].to_pylist(), rows["item_id"].to_pylist(), times, of, strict=True):
        members[name].add(item)
        made[name] = min(made.get(name, _time(at)), _time(at))
        groups[name] = group
    names = sorted(members)
    when = np.array([made[n] for n in names], dtype="datetime64[us]")
    return Units(tuple(tuple(sorted(members[n])) for n in names), when, what, tuple(groups[n] for n in names))


def _time(microseconds: int | None) -> np.datetime64:
    return np.datetime64("NaT", "us") if not microseconds else np.datetime64(microseconds, "us")


def read_known_at(job: JobRun, index: Mapping[str, int]) -> Times:
    """Return (N,) since when each item was in the catalogue; the epoch where the source does not say."""
    rows = lake.read_table(job.profile, "items", version=job.version_of("items"), columns=["item_id", "known_at"])
    known = np.full(len(index), EPOCH)
    for item, at in zip(rows["item_id"].to_pylist(), rows["known_at"].cast(pa.int64()).to_pylist(), strict=True):
        if item in index:
            known[index[item]] = np.datetime64(at, "us")
    return known


def read_validation_cases(job: JobRun, index: Mapping[str, int], *, max_cases: int, seed: int) -> BundleCases:
    """Return leave-one-out cases of what the holdout keeps for validation, over the known items of ``index``, less those that hold a test pair."""
    cases = build_cases(read_units(job, read_reserved(job, "validation")), index, max_cases=max_cases, seed=seed)
    return drop_tested_pairs(cases, read_units(job, read_reserved(job, "test")), index)


def build_cases(units: Units, index: Mapping[str, int], *, max_cases: int, seed: int) -> BundleCases:
    """Return leave-one-out cases over the known items."""
    members = [[index[item] for item in unit if item in index] for unit in units.members]
    return leave_one_out(members, units.times, max_cases=max_cases, seed=seed)


def drop_tested_pairs(cases: BundleCases, tested: Units, index: Mapping[str, int]) -> BundleCases:
    """Return the cases whose (given, target) pairs are all untested: no test pair stands in what a choice is made by."""
    asked = [{_pair(item, int(cases.target[case])) for item in cases.given(case)} for case in range(len(cases))]
    wanted = set().union(*asked)
    members = ([index[item] for item in unit if item in index] for unit in tested.members)
    met = {pair for unit in members for pair in (_pair(*both) for both in combinations(unit, 2)) if pair in wanted}
    return cases.take(np.array([case for case, pairs in enumerate(asked) if pairs.isdisjoint(met)], dtype=np.int64))


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
