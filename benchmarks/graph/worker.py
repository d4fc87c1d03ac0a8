"""One measurement, in a process of its own: start an engine, warm it up, do the task under a clock, print what was measured as JSON.

Started by ``benchmarks.graph.measure`` as ``python -m benchmarks.graph.worker ORDER``, ORDER being an ``Order`` as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks.graph.engines import read_pairs, start_engine
from benchmarks.graph.task import Fingerprint, fingerprint
from goeswith.errors import DataContractError

if TYPE_CHECKING:
    from benchmarks.graph.engines.ours import Ours

PAIRS, WARM = "pairs", "warm"
"""Folders below an order's ``out``: the answer, and that of the warm-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to measure: ``engine`` counts ``orders`` below ``out`` after it counted ``warm``. All paths are absolute.

    With ``new`` (goeswith alone) the orders are counted before the clock runs. Measured is what brings the ledger up to date with each of the
    increments in turn, by its name; then publishing, counting all again, publishing that, and the gate over it, also pass by pass.
    """

    engine: str
    orders: tuple[str, ...]
    warm: tuple[str, ...]
    out: str
    new: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """Return the order as one line."""
        return json.dumps(asdict(self))


def carry_out(order: Order) -> dict[str, float]:
    """Return what was measured, by metric."""
    engine = start_engine(order.engine)
    out, orders, warm = Path(order.out), _paths(order.orders), _paths(order.warm)
    engine.count(warm, out / WARM)
    if order.new:
        return _measure_increments(cast("Ours", engine), order)
    before = engine.measures()
    measured = {"seconds": _clock(lambda: engine.count(orders, out / PAIRS))}
    return measured | {metric: value - before[metric] for metric, value in engine.measures().items()}


def _measure_increments(engine: "Ours", order: Order) -> dict[str, float]:
    out = Path(order.out) / PAIRS
    engine.load(_paths(order.orders), out)
    engine.bring(out)
    measured = {}
    for name, path in order.new:
        engine.load([Path(path)], out)
        measured[name] = _clock(lambda: engine.bring(out))
    engine.publish(out)
    by_increments = fingerprint(read_pairs(order.engine, out))
    measured["rebuild_seconds"] = _clock(lambda: engine.bring(out, rebuild=True))
    measured["publish_seconds"] = _clock(lambda: engine.publish(out))
    _require_same(by_increments, fingerprint(read_pairs(order.engine, out)))
    engine.register_items(out)
    passes: dict[str, float] = {}
    measured["gate_seconds"] = _clock(lambda: passes.update(engine.check(out)))
    return measured | {f"gate_{name}_seconds": seconds for name, seconds in passes.items()}


def _require_same(one: Fingerprint, other: Fingerprint) -> None:
    if one != other:
        raise DataContractError(f"increments come to {one}, counting all again to {other}", "no figure of this run counts: report it")


def _paths(names: tuple[str, ...]) -> list[Path]:
    return [Path(name) for name in names]


def _clock(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Carry out the order that this process was started with."""
    words = json.loads(sys.argv[1])
    words |= {name: tuple(words[name]) for name in ("orders", "warm", "new")}
    print(json.dumps(carry_out(Order(**words))))


if __name__ == "__main__":
    main()
