"""Batches are loaded in a thread while the model computes, a few ahead; what the model still waited is counted."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

AHEAD = 2
"""Batches that are loaded or loading while one is learned from."""


@dataclass(slots=True)
class Loader:
    """Loads by ``load``. ``waited_s`` grows by the seconds for which a batch was asked for and not there."""

    load: Callable[[Any], Any]
    waited_s: float = 0.0

    def batches(self, plans: Iterable[Any]) -> Iterator[Any]:
        """Yield the batch of each plan, in order. What planning or loading raises is raised here, in its turn."""
        with ThreadPoolExecutor(1, thread_name_prefix="loader") as pool:
            left = iter(plans)
            loading: list[Future[Any]] = [pool.submit(self.load, plan) for plan in islice(left, AHEAD)]
            while loading:
                yield self._wait_for(loading.pop(0))
                loading += [pool.submit(self.load, plan) for plan in islice(left, 1)]

    def _wait_for(self, loading: "Future[Any]") -> Any:
        started = time.perf_counter()
        batch = loading.result()
        self.waited_s += time.perf_counter() - started
        return batch
