"""``forget_user``: find a user, remove the rows, rebuild what counted them, release that, and end every history that knew them.

Each step can be done twice, and those that are finished are noted: killed anywhere and called again with the same id, it goes on.
Readers have a release at every moment. Erasure outranks pins: what older releases named is gone afterwards, and they say so.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from goeswith import lake
from goeswith.catalogue import TABLES, find_table
from goeswith.erasure import state
from goeswith.erasure.buffers import drop_waiting
from goeswith.erasure.person import CONDITIONS, Person, find_person, find_rows
from goeswith.erasure.rebuild import KEPT_WHOLE, empty_derived, newest_versions, rebuild_tables, renew_features
from goeswith.erasure.samples import NAME as SAMPLES
from goeswith.erasure.samples import find_samples, remove_samples
from goeswith.erasure.texts import find_texts, mask_texts
from goeswith.errors import UpkeepRefused
from goeswith.leases import hold_upkeep, live_leases
from goeswith.pins import read_models
from goeswith.profile import Profile
from goeswith.releases import invalidate_releases, read_releases, valid_releases, write_release
from goeswith.upkeep.history import cut_history, seal_if_named
from goeswith.upkeep.table import Size, measure

REASON = "a user was forgotten: its tables held their rows, or counted them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of a user: rows of the newest version and on the whole disk, by table, and how many texts name them."""

    newest: Mapping[str, int]
    on_disk: Mapping[str, int]
    texts: int

    @property
    def nothing(self) -> bool:
        """Whether nothing at all was found."""
        return not (any(self.on_disk.values()) or self.texts)


def look_for(profile: Profile, person: Person) -> Found:
    """Return what there is of a user."""
    return Found(newest=_count(profile, person, newest_only=True), on_disk=_count(profile, person), texts=len(find_texts(profile, person)))


def _count(profile: Profile, person: Person, *, newest_only: bool = False) -> dict[str, int]:
    """Return the number of distinct rows by table."""
    found = {name: find_rows(profile, name, person, newest_only=newest_only) for name in CONDITIONS}
    samples = find_samples(profile, person, newest_only=newest_only).select(list(find_table(SAMPLES).key))
    return {name: rows.group_by(rows.column_names).aggregate([]).num_rows for name, rows in {**found, SAMPLES: samples}.items()}


def forget_user(profile: Profile, user: str) -> dict[str, Any] | None:
    """Erase a user and return the record of it, which names nobody; None where there is nothing of them.

    Raises ``UpkeepRefused`` while a job runs: what it read before, it could write back.
    """
    started = time.monotonic()
    with hold_upkeep(profile):
        _require_quiet(profile)
        person = find_person(profile, user)
        token = state.token_of(profile, person.user_hash)
        erasure = state.find_pending(profile, token)
        if erasure is None:
            found = look_for(profile, person)
            if found.nothing:
                return None
            erasure = state.begin(profile, token, {**found.newest, "texts": found.texts}, storage(profile))
        _require_quiet(profile)  # from now on no job starts; one that started before this moment has its lease
        state.do_steps(profile, erasure, steps(profile, person, erasure.run))
        record = build_record(profile, erasure, time.monotonic() - started)
        state.finish(profile, erasure, record)
    return record


def steps(profile: Profile, person: Person, run: str) -> dict[str, Callable[[], object]]:
    """Return the steps by name, in order. Nothing is removed from the disk before the new release can be read."""
    return {
        "drop what waits": lambda: drop_waiting(profile, person),
        "put back what is not released": lambda: put_back(profile),
        "mask texts": lambda: mask_texts(profile, person),
        "remove rows": lambda: remove_rows(profile, person),
        "rebuild": lambda: rebuild_tables(profile, run),
        "empty what was derived": lambda: empty_derived(profile),
        "release": lambda: release(profile, run),
        "renew features": lambda: renew_features(profile, run),
        "invalidate": lambda: invalidate_releases(profile, (r.name for r in valid_releases(profile) if r.name != run), REASON),
        "cut histories": lambda: [cut_history(profile, name) for name in _reached(profile)],
    }


def put_back(profile: Profile) -> None:
    """Restore each table whose newest rows are not released: no gate has let them pass, and the erasure releases what is newest."""
    for name, version in _newest_release(profile).items():
        current = lake.open_table(profile, name).version()
        if lake.content_version(profile, name, current) > version:
            lake.open_table(profile, name).restore(version)


def remove_rows(profile: Profile, person: Person) -> None:
    """Delete a user's rows from the newest version of every table that holds any."""
    for name in CONDITIONS:
        rows = find_rows(profile, name, person, newest_only=True)
        if rows.num_rows:
            same = " AND ".join(f"t.{column} = s.{column}" for column in rows.column_names)
            merge = lake.open_table(profile, name).merge(rows, predicate=same, source_alias="s", target_alias="t")
            merge.when_matched_delete().execute()
        if lake.current_version(profile, name) is not None:
            seal_if_named(profile, name, person.texts)
    if lake.current_version(profile, SAMPLES) is not None:
        remove_samples(profile, person)


def release(profile: Profile, run: str) -> None:
    """Release the newest rows of what was released before; nothing where nothing ever was."""
    before = _newest_release(profile)
    versions = {name: version for name, version in newest_versions(profile).items() if name in before}
    if versions:
        write_release(profile, run, versions, alone=True)


def build_record(profile: Profile, erasure: state.Erasure, seconds: float) -> dict[str, Any]:
    """Return what is kept of an erasure: when, how many rows of which table, what it made invalid. It names nobody."""
    invalid = [r.name for r in read_releases(profile) if r.invalid_reason == REASON and r.invalid_since and r.invalid_since >= erasure.began]
    released = any(r.name == erasure.run for r in valid_releases(profile))
    return {
        "erasure": erasure.run,
        "started": erasure.started,
        "finished": datetime.now(UTC).isoformat(),
        "seconds": round(seconds, 2),
        "rows": dict(erasure.rows),
        "before": dict(erasure.storage),
        "after": storage(profile),
        "release": erasure.run if released else None,
        "invalid_releases": invalid,
        "models_to_rebuild": sorted(read_models(profile)),
    }


def storage(profile: Profile) -> dict[str, int]:
    """Return the files and bytes of all tables."""
    sizes = [measure(profile, name) for name in TABLES]
    return asdict(Size(files=sum(size.files for size in sizes), bytes=sum(size.bytes for size in sizes)))


def _newest_release(profile: Profile) -> Mapping[str, int]:
    found = valid_releases(profile)
    return found[-1].versions if found else {}


def _reached(profile: Profile) -> list[str]:
    """Return the tables that hold or held something of a user."""
    return [name for name in TABLES if name not in KEPT_WHOLE and lake.current_version(profile, name) is not None]


def _require_quiet(profile: Profile) -> None:
    running = [lease for lease in live_leases(profile) if not lease.own]
    if running:
        what = ", ".join(f"{lease.job} of run {lease.run} (pid {lease.pid})" for lease in running)
        raise UpkeepRefused(f"a job is running: {what}; it could write the user back", "wait until it has ended, or stop it")
