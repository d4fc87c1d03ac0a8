"""Lists that were computed in advance, asked for over HTTP: our gateway beside gorse, by turns, each with both cores to itself."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.serve.clocks import Ask, Taken, ask_for, drawn
from benchmarks.serve.gateway import ask_gateway, serving_gateway
from benchmarks.serve.gorse import ask_gorse, serving_gorse
from benchmarks.serve.slices import ASKED, OURS, PEER, Bench, K, Tell, as_figures
from goeswith.results import Figure

GORSE = "gorse"
CALLERS = (1, 16)


def bench_peer(bench: Bench, tell: Tell) -> Iterator[Figure]:
    """Yield the figures of one caller and of sixteen, each over a connection of its own."""
    assert bench.gorse is not None, "require_peer was asked first"
    folder, ids = bench.stack.profile.root / GORSE, drawn(bench.stack.catalogue.listed, ASKED, 4)
    shutil.rmtree(folder, ignore_errors=True)
    tell(f"{PEER}: gorse computes its neighbours")
    with serving_gorse(bench.gorse.resolve(), folder, bench.stack.catalogue) as port, serving_gateway(bench.stack):
        asks: dict[str, Callable[[], Ask]] = {
            OURS: lambda: ask_gateway(bench.stack, lambda item: f"/ask/substitutes/{item}?k={K}"),
            GORSE: lambda: ask_gorse(port, K),
        }
        for callers in CALLERS:
            yield from _by_turns(bench, callers, asks, ids, tell)


def _by_turns(bench: Bench, callers: int, asks: dict[str, Callable[[], Ask]], ids: list[str], tell: Tell) -> Iterator[Figure]:
    taken: dict[str, list[Taken]] = {model: [] for model in asks}
    for repeat in range(bench.repeats):
        for model, connect in asks.items():
            tell(f"{PEER}-{callers}: {model}, {repeat + 1} of {bench.repeats}")
            taken[model].append(_ask_all([connect() for _ in range(callers)], bench.seconds, ids))
    for model, runs in taken.items():
        yield from as_figures(f"{PEER}-{callers}", model, runs)


def _ask_all(asks: list[Ask], seconds: float, ids: list[str]) -> Taken:
    with ThreadPoolExecutor(len(asks)) as pool:
        parts = list(pool.map(lambda at: ask_for(seconds, asks[at], ids[at:] + ids[:at]), range(len(asks))))
    return Taken([ms for part in parts for ms in part.ms], max(part.seconds for part in parts), sum(part.errors for part in parts))
