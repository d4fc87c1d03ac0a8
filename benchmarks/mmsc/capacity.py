"""How large a graph this machine's memory holds: one of 10^7 edges is built and walked on, in a process of its own, so that its peak is its own.

Started as ``python -m benchmarks.mmsc.capacity ITEMS EDGES BATCHES``; prints what was measured as JSON. The peak is that of the whole process:
the made pairs, torch and Python included.
"""

import json
import os
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.mmsc.made import made_pairs
from benchmarks.processes import run_watched
from training.mmsc.graph import Queries, RelationGraph, build_graph, sample_walks
from training.mmsc.recipe import mmsc_small

CAPACITY = "capacity"
ITEMS, EDGES, BATCHES = 1_000_000, 10_000_000, 50
NODES = 2_048
"""Queries a batch."""


def measure_capacity(items: int = ITEMS, edges: int = EDGES, batches: int = BATCHES) -> dict[str, float]:
    """Return one process's ``build_seconds``, ``walks_per_s`` and ``peak_mb``, and how many ``edges`` the graph has."""
    command = [sys.executable, "-m", "benchmarks.mmsc.capacity", *map(str, (items, edges, batches))]
    watched = run_watched(command, os.environ)
    found: dict[str, float] = json.loads(watched.printed.strip().splitlines()[-1])
    return found | {"peak_mb": watched.peak_mb}


def build_and_walk(items: int, edges: int, batches: int) -> dict[str, float]:
    """Return seconds of building the graph from pairs, and path instances a second, of all paths of the recipe together."""
    pairs = made_pairs(items, edges)
    built: list[RelationGraph] = []
    build_s = _clock(lambda: built.append(build_graph(pairs, items)))
    _walk(built[0], 1)
    walk_s = _clock(lambda: _walk(built[0], batches))
    instances = batches * NODES * mmsc_small().fanout * len(mmsc_small().all_paths())
    count = sum(len(src) for src, *_ in built[0].edges.values())
    return {"edges": float(count), "items": float(items), "build_seconds": build_s, "walks_per_s": instances / walk_s}


def _walk(graph: RelationGraph, batches: int) -> None:
    generator, recipe = torch.Generator().manual_seed(0), mmsc_small()
    for _ in range(batches):
        nodes = torch.randint(graph.num_items, (NODES,), generator=generator)
        sample_walks(graph, recipe.all_paths(), Queries.of(nodes), recipe.fanout, generator)


def _clock(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(build_and_walk(*map(int, sys.argv[1:4]))))
