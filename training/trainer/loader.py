"""Batches are planned and loaded in a thread while the model computes, a few ahead; what the model still waited is counted."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from training.trainer.device import each_tensor

AHEAD = 2
"""Batches that are loaded or loading while one is learned from."""
END = object()


@dataclass(slots=True)
class Loader:
    """Loads by ``load``. ``waited_s`` grows by the seconds for which a batch was asked for and not there.

    ``pinned`` batches lie in memory that a GPU reads while the model computes.
    """

    load: Callable[[Any], Any]
    pinned: bool = False
    waited_s: float = 0.0

    def batches(self, plans: Iterable[Any]) -> Iterator[Any]:
        """Yield the batch of each plan, in order. What planning or loading raises is raised here, in its turn."""
        left = iter(plans)
        with ThreadPoolExecutor(1, thread_name_prefix="loader") as pool:  # one thread: plans are drawn in their order
            loading = [pool.submit(self._make, left) for _ in range(AHEAD)]
            while (batch := self._wait_for(loading.pop(0))) is not END:
                loading.append(pool.submit(self._make, left))
                yield batch

    def _make(self, left: Iterator[Any]) -> Any:
        """Return the batch of the next plan, ``END`` where there is none."""
        plan = next(left, END)
        if plan is END:
            return END
        batch = self.load(plan)
        return each_tensor(batch, Tensor.pin_memory) if self.pinned else batch

    def _wait_for(self, loading: "Future[Any]") -> Any:
        started = time.perf_counter()
        batch = loading.result()
        self.waited_s += time.perf_counter() - started
        return batch
