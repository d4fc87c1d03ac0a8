"""Bringing many rows online: a catalogue that nobody has yet, and one of which every item changed. Each in a process of its own, for its memory."""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from benchmarks.features.reads import OURS, TASK
from benchmarks.serve.made import DATA, RUN, Catalogue, make_catalogue, rows_of, write_blocks, write_tables
from feature_repo.jobs import materialise
from goeswith import lake, releases
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.results import Figure

FILL, REFRESH = "fill", "refresh"


def bench_filling(profile: Profile, items: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Yield rows a second and peak memory of filling an empty store (SQLite) with ``items`` items and the lists of every second one."""
    own = profile.moved(profile.root / "bench" / "features" / f"fill-{items}")
    tell(f"{FILL}: {items:,} items into the lake")
    if not (own.root / "lake").exists():
        _alone(_write, own, items)
    (own.features / "online.db").unlink(missing_ok=True)
    tell(f"{FILL}: bringing them online")
    yield from _figures(f"{FILL}-{items}", _alone(_materialise, own, RUN))


def bench_refresh(profile: Profile, items: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Yield the same of a catalogue whose every price changed: from the write into the lake to the last row online."""
    own = profile.moved(profile.root / "bench" / "features" / f"refresh-{items}")
    if not (own.root / "lake").exists():
        _alone(_write, own, items)
    tell(f"{REFRESH}: as it was")
    _alone(_materialise, own, RUN)
    tell(f"{REFRESH}: {items:,} other prices")
    yield from _figures(f"{REFRESH}-{items}", _alone(_refresh, own, items))


def _figures(label: str, done: dict[str, float]) -> Iterator[Figure]:
    for metric, value in done.items():
        yield Figure(task=TASK, data=DATA, slice=label, model=OURS, metric=metric, value=value, n=int(done["rows"]))


def _alone(do: Callable[..., dict[str, float]], *given: object) -> dict[str, float]:
    """Return what a fresh process returns; its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(do, given)


def _write(profile: Profile, items: int) -> dict[str, float]:
    write_tables(profile, make_catalogue(items))
    return {}


def _materialise(profile: Profile, run: str) -> dict[str, float]:
    before_mb, started = _peak_mb(), time.perf_counter()
    counts = materialise.run(JobRun(profile=profile, run_id=run)).summary["rows"]
    seconds, rows = time.perf_counter() - started, float(sum(count["written"] for count in counts.values()))
    return {"rows": rows, "seconds": seconds, "per_second": rows / seconds, "peak_mb": _peak_mb() - before_mb}


def _refresh(profile: Profile, items: int) -> dict[str, float]:
    started, run = time.perf_counter(), f"refresh-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    _write_prices(profile, make_catalogue(items), seed=int(time.time()))
    releases.write_release(profile, run, {"items": lake.open_table(profile, "items").version()})
    done = _materialise(profile, run)
    seconds = time.perf_counter() - started
    return {**done, "seconds": seconds, "per_second": done["rows"] / seconds}


def _write_prices(profile: Profile, catalogue: Catalogue, seed: int) -> None:
    known_at = datetime.now(UTC)
    write_blocks(profile, "items", [{**row, "known_at": known_at} for row in rows_of(catalogue, seed)])


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
