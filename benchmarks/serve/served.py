"""Every slice that asks what is served, by its name."""

from collections.abc import Iterator

from benchmarks.serve.changes import bench_rollout
from benchmarks.serve.slices import ROLLOUT, SOAK, Bench, Tell, bench_slice
from benchmarks.serve.soak import bench_soak
from goeswith.results import Figure


def bench_served(bench: Bench, name: str, tell: Tell) -> Iterator[Figure]:
    """Yield the figures of one slice."""
    if name == ROLLOUT:
        yield from bench_rollout(bench.stack, bench.answers, tell)
    elif name == SOAK:
        yield from bench_soak(bench.stack, bench.minutes, tell)
    else:
        yield from bench_slice(bench, name, tell)
