"""The task that is timed: MMSC's own, with its walks from ``sample_walks`` or from a sampler of PyG's; nothing else differs."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import torch

from benchmarks.mmsc.lesson import Lesson, build_model
from training.mmsc.graph import Edges, Queries, RelationGraph, Walks, drop_edges
from training.mmsc.task import Batch, MmscTask

T = TypeVar("T")


class Sampler(Protocol):
    """Walks over one graph by some library's means."""

    def walks(self, asked: Sequence[Queries], workers: int) -> Iterator[Walks]:
        """Yield the walks of each of ``asked`` in order, made by so many processes beside (0: by this one)."""


BuildSampler = Callable[[Edges, Lesson], Sampler]


class Timed(MmscTask):
    """MMSC's task with a clock: ``sampled_s`` are the loader thread's seconds of an epoch in its second view and in walks or waiting for them.

    That thread works while the model computes, so they are no share of what the model waits.
    """

    def __init__(self, lesson: Lesson) -> None:
        super().__init__(lesson.recipe, build_model(lesson), lesson.tokens, lesson.graph, lesson.split)
        self.sampled_s = 0.0

    def clock(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, its seconds counted."""
        started = time.perf_counter()
        found = work()
        self.sampled_s += time.perf_counter() - started
        return found

    def validate(self) -> dict[str, float]:
        """Return nothing: no edge is hidden."""
        return {}


class Ours(Timed):
    """Walks as the job ``train_mmsc`` samples them."""

    def plans(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches."""
        self.sampled_s = 0.0
        yield from super().plans(generator)

    def second_view(self, generator: torch.Generator) -> RelationGraph:
        """Return the view, clocked."""
        return self.clock(lambda: super(Ours, self).second_view(generator))

    def walk(self, graph: RelationGraph, queries: Queries, generator: torch.Generator) -> Walks:
        """Return walks, clocked."""
        return self.clock(lambda: super(Ours, self).walk(graph, queries, generator))


class Theirs(Timed):
    """The same batches with walks from a sampler of PyG's, which is told all nodes of an epoch at its start, so that it can work ahead.

    Pairs come in the very order that ours come in. Pools and hard negatives are drawn alike, but are other ones: ours draws them and its
    walks from one generator.
    """

    def __init__(self, lesson: Lesson, build: BuildSampler, workers: int) -> None:
        super().__init__(lesson)
        self.lesson, self.build, self.workers = lesson, build, workers
        self.sampler = build(lesson.graph.edges, lesson)

    def plans(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches."""
        self.sampled_s = 0.0
        view = self.clock(lambda: self.build(drop_edges(self.graph.edges, self.recipe.drop_edges, generator), self.lesson))
        drawn = [self.draw(chosen, generator) for chosen in self.order(generator)]
        first = self.sampler.walks([each.queries for each in drawn], self.workers)
        second = view.walks([self.second_queries(each) for each in drawn], self.workers)
        for each in drawn:
            yield self.fill(each, self.clock(lambda: next(first)), self.clock(lambda: next(second)))
