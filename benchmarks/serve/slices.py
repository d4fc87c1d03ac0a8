"""The slices of ``goeswith bench serve``: one caller, callers at once, and the search alone beside numpy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.estimates import Estimate, geometric_mean
from benchmarks.serve.clocks import Ask, Taken, Timed, ask_at_once, ask_for, department_of, drawn
from benchmarks.serve.export import MODEL
from benchmarks.serve.made import DATA
from benchmarks.serve.stack import Stack
from goeswith.results import Figure
from goeswith_client import Client, Filters
from goeswith_client.chain import OUTPUTS
from training.dataset import Floats

TASK = "serve"
OURS, NUMPY = "goeswith", "numpy"
ANSWER, PRECOMPUTED, TOPK, LOAD, PEER, ROLLOUT, SOAK, INDEX = "answer", "precomputed", "topk", "load", "peer", "rollout", "soak", "index"
SLICES = (PRECOMPUTED, ANSWER, TOPK, LOAD, PEER, ROLLOUT, SOAK, INDEX)
K, FOUND = 10, 20
"""Items of an answer, and of the bare search."""
ASKED = 2_000
COUNTS = ("errors",)
"""Metrics that may be 0, shown as plain means without an interval."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """``repeats`` runs of ``seconds`` each; loads are put on by ``callers`` at once, one number after another.

    Versions come and go until there are so many ``answers``; a soak takes ``minutes``.
    """

    stack: Stack
    repeats: int
    seconds: float
    callers: tuple[int, ...]
    answers: int
    minutes: float
    gorse: Path | None = None
    """The binary of the peer."""


def bench_slice(bench: Bench, name: str, tell: Tell) -> Iterator[Figure]:
    """Yield the figures of one slice; the first second of each is not counted."""
    if name == TOPK:
        yield from _topk(bench, tell)
    elif name == LOAD:
        for callers in bench.callers:
            for kind, suffix in ((ANSWER, ""), (PRECOMPUTED, f"-{PRECOMPUTED}")):
                yield from _repeated(bench, f"{LOAD}-{callers}{suffix}", kind, callers, tell)
    else:
        yield from _repeated(bench, name, name, 1, tell)
        yield from _parts(bench, name)


def _repeated(bench: Bench, label: str, kind: str, callers: int, tell: Tell) -> Iterator[Figure]:
    ask, ids = question(bench.stack, bench.stack.client, kind)
    ask_for(1.0, ask, ids)
    taken = []
    for repeat in range(bench.repeats):
        tell(f"{label}, {repeat + 1} of {bench.repeats}")
        taken.append(ask_at_once(callers, bench.seconds, ask, ids))
    yield from as_figures(label, OURS, taken)


def question(stack: Stack, client: Client, kind: str) -> tuple[Ask, list[str]]:
    """Return what is asked and of which items.

    ``precomputed``: of items that have lists. ``answer``: of others, so features, model and filters all take part: what the shop has in stock
    of the item's own department.
    """
    if kind == PRECOMPUTED:
        return (lambda item: client.substitutes(item, K)), drawn(stack.catalogue.listed, ASKED, 1)
    of, wide = department_of(stack.catalogue), drawn(stack.catalogue.unlisted, ASKED, 2)
    return (lambda item: client.substitutes(item, K, Filters(in_stock=True, category=of[item]))), wide


def _parts(bench: Bench, name: str) -> Iterator[Figure]:
    """Yield how much of an answer is Feast, the model, and the client itself [ms]; clocks take part of it, so this is a run of its own."""
    features, models = Timed(bench.stack.client.features), Timed(bench.stack.client.models)
    client = Client(bench.stack.client.config, features=features, models=models)
    taken = ask_for(bench.seconds, *question(bench.stack, client, name))
    answers, whole = len(taken.ms), float(np.sum(taken.ms))
    inside = {"features_ms": features.seconds * 1e3, "model_ms": models.seconds * 1e3}
    for metric, ms in {**inside, "client_ms": whole - sum(inside.values())}.items():
        yield Figure(task=TASK, data=DATA, slice=name, model=OURS, metric=metric, value=ms / answers, n=answers)


def _topk(bench: Bench, tell: Tell) -> Iterator[Figure]:
    """Yield the search alone: Triton's answer beside numpy over the same vectors in this process."""
    stack, at = bench.stack, {item: n for n, item in enumerate(bench.stack.catalogue.ids)}
    ids = drawn(stack.catalogue.ids, ASKED, 3)
    asks: Mapping[str, Ask] = {OURS: lambda item: _by_model(stack, item), NUMPY: lambda item: by_numpy(stack.vectors, at[item])}
    for model, ask in asks.items():
        tell(f"{TOPK}: {model}")
        ask_for(1.0, ask, ids)
        yield from as_figures(TOPK, model, [ask_for(bench.seconds, ask, ids) for _ in range(bench.repeats)])


def _by_model(stack: Stack, item: str) -> None:
    stack.client.models.infer(MODEL, {"item_id": ("BYTES", item), "type": ("BYTES", "substitute"), "k": ("INT32", FOUND)}, OUTPUTS)


def by_numpy(vectors: Floats, at: int) -> Floats:
    """Return the positions of the ``FOUND`` best by dot product, best first, the item itself left out."""
    scores = vectors @ vectors[at]
    scores[at] = -np.inf
    best = np.argpartition(-scores, FOUND)[:FOUND]
    return np.asarray(best[np.argsort(-scores[best])])


def as_figures(label: str, model: str, taken: list[Taken], task: str = TASK) -> Iterator[Figure]:
    """Yield each metric's mean over runs, with its interval; ``n`` is the number of answers."""
    rows, answers = [run.metrics() for run in taken], sum(len(run.ms) for run in taken)
    for metric in rows[0]:
        values = [row[metric] for row in rows]
        found = Estimate(float(np.mean(values)), None, None, len(values)) if metric in COUNTS else geometric_mean(values)
        yield Figure(task=task, data=DATA, slice=label, model=model, metric=metric, value=found.value, low=found.low, high=found.high, n=answers)
