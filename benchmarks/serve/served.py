"""Every slice that asks what is served, by its name."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.serve.changes import bench_rollout
from benchmarks.serve.peer import bench_peer
from benchmarks.serve.slices import PEER, ROLLOUT, SOAK, Bench, Tell, bench_slice
from benchmarks.serve.soak import bench_soak
from goeswith.errors import ConfigError
from goeswith.results import Figure


def bench_served(bench: Bench, name: str, tell: Tell) -> Iterator[Figure]:
    """Yield the figures of one slice."""
    if name == ROLLOUT:
        yield from bench_rollout(bench.stack, bench.answers, tell)
    elif name == PEER:
        yield from bench_peer(bench, tell)
    elif name == SOAK:
        yield from bench_soak(bench.stack, bench.minutes, tell)
    else:
        yield from bench_slice(bench, name, tell)


def require_peer(slices: Sequence[str], gorse: Path | None) -> None:
    """Raise ``ConfigError`` where the slice with the peer is asked for, and the peer is not there."""
    if PEER in slices and (gorse is None or not gorse.is_file()):
        raise ConfigError("the slice peer needs gorse", "build it (benchmarks/serve/gorse.py says how) and give --gorse PATH")
