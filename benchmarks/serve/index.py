"""The index of a million vectors: what it takes to build and to hold, what it finds, and how soon, beside an exact search by numpy."""

import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import faiss
import numpy as np

from benchmarks.serve.clocks import ask_for
from benchmarks.serve.made import DATA, WIDTH, heaped_vectors
from benchmarks.serve.slices import FOUND, INDEX, NUMPY, OURS, TASK, Tell, as_figures, by_numpy
from goeswith.results import Figure
from model_repository.search import Index, Search
from training.export.index import build_index, choose_probes

ASKED = 2_000


def bench_index(items: int, repeats: int, seconds: float, tell: Tell) -> Iterator[Figure]:
    """Yield the figures of ``items`` vectors of 256 numbers."""
    part = f"{INDEX}-{items}"
    tell(f"{part}: vectors")
    vectors = heaped_vectors(items, WIDTH, 0)
    before_mb = _resident_mb()
    tell(f"{part}: building")
    index, build_s = _timed(lambda: build_index(vectors, 0))
    faiss.omp_set_num_threads(1)
    tell(f"{part}: how wide to look")
    probes, recall = choose_probes(vectors, index, 0)
    search = Search(vectors, Index(index, probes))
    known = {"build_seconds": build_s, "peak_mb": _resident_mb() - before_mb, "probes": float(probes), "recall@20": recall}
    yield from (Figure(task=TASK, data=DATA, slice=part, model=OURS, metric=metric, value=value, n=items) for metric, value in known.items())
    ids = [str(at) for at in np.random.default_rng(2).integers(0, items, ASKED).tolist()]
    asks: dict[str, Callable[[str], object]] = {
        OURS: lambda at: search.best(vectors[int(at)], None, FOUND),
        NUMPY: lambda at: by_numpy(vectors, int(at)),
    }
    for model, ask in asks.items():
        tell(f"{part}: {model}")
        ask_for(1.0, ask, ids)
        yield from as_figures(part, model, [ask_for(seconds, ask, ids) for _ in range(repeats)])


def _timed(make: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    made = make()
    return made, time.perf_counter() - started


def _resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
