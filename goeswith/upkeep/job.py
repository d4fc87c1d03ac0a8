"""The job ``maintain``: every table compacted, pairs clustered, old versions removed but those that somebody reads.

Run again it does nothing. ``dry_run`` only says what it would do.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.catalogue import TABLES
from goeswith.config import STRICT, parse_config
from goeswith.erasure.state import models_to_rebuild, require_none_pending
from goeswith.errors import VersionMissing
from goeswith.jobs import JobResult, JobRun
from goeswith.leases import Lease, hold_upkeep, live_leases
from goeswith.pins import Pin, consumed_versions, kept_releases, read_pins
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.releases import Release, invalidate_releases, valid_releases
from goeswith.upkeep.table import (
    Rewritten,
    Rules,
    TableUpkeep,
    measure,
    remove_old,
    rewrite_table,
    size_of,
    why_untouched,
    would_remove,
    would_rewrite,
)
from goeswith.upkeep.vacuum import Keep, decide_keep

logger = logging.getLogger(__name__)

MEGABYTE = 2**20
EXPIRED = "expired: upkeep keeps the versions of the newest releases, and of those that models were trained from"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``retention_hours`` is how long removed rows can still be read, pinned or not; a partition with ``min_small_files`` is rewritten."""

    keep_releases: Annotated[int, Field(ge=1)] = 5
    retention_hours: Annotated[float, Field(ge=0)] = 168
    target_mb: Annotated[float, Field(gt=0)] = 128
    min_small_files: Annotated[int, Field(ge=2)] = 4
    dry_run: bool = False

    @property
    def rules(self) -> Rules:
        """What upkeep of one table needs to know."""
        return Rules(
            target_bytes=int(self.target_mb * MEGABYTE), min_small_files=self.min_small_files, retention=timedelta(hours=self.retention_hours)
        )


def run(job: JobRun) -> JobResult:
    """Maintain every table that exists. Raises ``UpkeepRefused`` where another process does, or an erasure was cut short."""
    config = parse_config(Config, job.params, where="job maintain")
    started = time.monotonic()
    require_none_pending(job.profile)
    with hold_upkeep(job.profile):
        expired = expire_releases(job.profile, config)
        tables = maintain_tables(job.profile, config)
    told = {"tables": {name: asdict(done) for name, done in tables.items()}, "expired": expired, "dry_run": config.dry_run}
    seconds = round(time.monotonic() - started, 2)
    return JobResult(summary={**told, "models_to_rebuild": models_to_rebuild(job.profile), "seconds": seconds})


def expire_releases(profile: Profile, config: Config) -> list[str]:
    """Let nobody read the releases that are not kept, before their versions go; return their names."""
    kept = {release.name for release in kept_releases(profile, config.keep_releases).values()}
    old = [release.name for release in valid_releases(profile) if release.name not in kept]
    return old if config.dry_run else invalidate_releases(profile, old, EXPIRED)


def maintain_tables(profile: Profile, config: Config) -> dict[str, TableUpkeep]:
    """Maintain the tables that exist, one after the other."""
    names = [name for name in TABLES if lake.current_version(profile, name) is not None]
    pins, consumed, running = read_pins(profile, config.keep_releases), consumed_versions(profile), live_leases(profile)
    newest = next(reversed(valid_releases(profile)), None)
    found = {}
    with progress("upkeep", len(names), unit="tables") as advance:
        for name in names:
            own = [pin for pin in pins if pin.table == name]
            found[name] = _maintain(profile, name, config, _there(profile, own), consumed.get(name), newest, running)
            advance(1, name)
    return found


def _there(profile: Profile, pins: Sequence[Pin]) -> list[Pin]:
    """Return the pins whose version can be read. One that cannot has nothing left to keep, and whoever holds it meets that by himself."""
    found = []
    for pin in pins:
        try:
            lake.open_table(profile, pin.table, pin.version)
        except VersionMissing:
            logger.warning("%s wants version %d of %s, which is gone", pin.holder, pin.version, pin.table)
        else:
            found.append(pin)
    return found


def _maintain(
    profile: Profile, name: str, config: Config, pins: Sequence[Pin], consumed: int | None, newest: Release | None, running: Sequence[Lease]
) -> TableUpkeep:
    before, rules = measure(profile, name), config.rules
    untouched = why_untouched(profile, name, newest, running)
    make_large = would_rewrite if config.dry_run else rewrite_table
    done = Rewritten() if untouched else make_large(profile, name, rules)
    keep = decide_keep(profile, name, (pin.version for pin in pins), consumed, rules.retention)
    removed = (would_remove if config.dry_run else remove_old)(profile, name, keep, rules)
    after, kept = measure(profile, name), _reasons(profile, name, keep, pins, consumed)
    return TableUpkeep(before=before, after=after, rewritten=done, removed=size_of(removed), kept=kept, untouched=untouched)


def _reasons(profile: Profile, name: str, keep: Keep, pins: Sequence[Pin], consumed: int | None) -> dict[int, list[str]]:
    """Return by version who keeps it."""
    head = lake.open_table(profile, name).version()
    found: dict[int, list[str]] = {version: [] for version in sorted(keep.versions)}
    for pin in pins:
        found[pin.version].append(pin.holder)
    found[head].append("newest")
    if keep.since != head:
        found[keep.since].append("changes still to be consumed" if keep.since == consumed else "retention")
    return found
