"""The upkeep of one table, and what there is to say about it afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from goeswith import lake
from goeswith.catalogue import Layer, find_table
from goeswith.leases import Lease
from goeswith.locks import write_alone
from goeswith.profile import Profile
from goeswith.releases import Release
from goeswith.upkeep.log import checkpoint_if_due
from goeswith.upkeep.rewrite import Rewrite, lacking_properties, plan_rewrites, rewrite, set_properties
from goeswith.upkeep.stored import StoredFile, list_files
from goeswith.upkeep.vacuum import Keep, vacuum, would_vacuum


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How files are made large, and how long a removed row can be read again."""

    target_bytes: int
    min_small_files: int
    retention: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much lies on the disk for a table, its log and removed rows included."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """The partitions whose files were rewritten, and the properties that were set."""

    partitions: Sequence[Rewrite] = ()
    properties: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpkeep:
    """What upkeep did to a table (or, when rehearsed, would do): ``kept`` says by version who keeps it."""

    before: Size
    after: Size
    rewritten: Rewritten
    removed: Size
    kept: Mapping[int, Sequence[str]]
    untouched: str
    """Why no file was rewritten; '' where it could be."""


def why_untouched(profile: Profile, name: str, newest: Release | None, running: Sequence[Lease]) -> str:
    """Return why the files of a table are not rewritten now, '' where they may be.

    A running job's commit would lose against a rewrite; and rows that no gate has let pass yet stay the newest version, for the gate
    puts back the version that it refuses.
    """
    table = find_table(name)
    busy = [lease for lease in running if not lease.own and (table.layer is Layer.CONTROL or lease.folder == table.writer)]
    if busy:
        return f"job {busy[0].job} of run {busy[0].run} may write it"
    return "" if table.layer is Layer.CONTROL or _is_settled(profile, name, newest) else "its newest rows are not released"


def _is_settled(profile: Profile, name: str, newest: Release | None) -> bool:
    """Whether the newest rows are released."""
    released = newest.versions.get(name) if newest else None
    head = lake.open_table(profile, name).version()
    return released is not None and lake.content_version(profile, name, head) <= released


def rewrite_table(profile: Profile, name: str, rules: Rules) -> Rewritten:
    """Set the properties that a table lacks and rewrite the partitions that need it."""
    with write_alone(profile, name):
        done = would_rewrite(profile, name, rules)
        set_properties(profile, name)
        for chosen in done.partitions:
            rewrite(profile, name, chosen, rules.target_bytes)
    return done


def would_rewrite(profile: Profile, name: str, rules: Rules) -> Rewritten:
    """Return what ``rewrite_table`` would do."""
    planned = plan_rewrites(profile, name, rules.target_bytes, rules.min_small_files)
    return Rewritten(partitions=planned, properties=sorted(lacking_properties(profile, name)))


def remove_old(profile: Profile, name: str, keep: Keep, rules: Rules) -> list[StoredFile]:
    """Vacuum a table, and sum up its log where that is due."""
    removed = vacuum(profile, name, keep, rules.retention)
    checkpoint_if_due(profile, name)
    return removed


def would_remove(profile: Profile, name: str, keep: Keep, rules: Rules) -> list[StoredFile]:
    """Return what ``remove_old`` would remove."""
    return would_vacuum(profile, name, keep, rules.retention)


def size_of(files: Sequence[StoredFile]) -> Size:
    """Return how many files and bytes these are."""
    return Size(files=len(files), bytes=sum(file.bytes for file in files))


def measure(profile: Profile, name: str) -> Size:
    """Return what lies on the disk for a table."""
    return size_of(list_files(profile, name))
