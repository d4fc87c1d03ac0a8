"""The slices of ``goeswith bench features``."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.features.filling import FILL, REFRESH, bench_filling, bench_refresh
from benchmarks.features.reads import bench_reads
from goeswith.profile import Profile
from goeswith.results import Figure

ROWS = "rows"
SLICES = (ROWS, REFRESH, FILL)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many items are read from, brought online, and changed; and how often and how long readers read [s]."""

    items: int
    filled: int
    refreshed: int
    repeats: int
    seconds: float


def bench_slice(profile: Profile, name: str, sizes: Sizes, tell: Callable[[str], None]) -> list[Figure]:
    """Return the figures of one slice."""
    if name == ROWS:
        return list(bench_reads(profile, sizes.items, sizes.repeats, sizes.seconds, tell))
    if name == REFRESH:
        return list(bench_refresh(profile, sizes.refreshed, tell))
    return list(bench_filling(profile, sizes.filled, tell))
