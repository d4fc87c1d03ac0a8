"""The slices of ``goeswith bench graph``: every engine on one size of data, and goeswith's increment beside its own rebuild."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.estimates import Estimate, geometric_mean
from benchmarks.graph import baskets
from benchmarks.graph.engines import DUCKDB, OURS, SELF_JOIN
from benchmarks.graph.measure import Measured, measure
from benchmarks.graph.task import MAX_BASKET, MIN_BASKET
from benchmarks.graph.worker import Order
from goeswith.errors import DataContractError
from goeswith.results import Figure

TASK, DATA = "graph", "instacart"
COPIES = {"1x": 1, "10x": 10}
ORDERS = "orders"
"""The model under which what an engine reads is described."""
INCREMENT = "increment"
SLICES = (*COPIES, INCREMENT)
WARMED = "warmed"
"""The metric of the first increment of a process, which no figure shows."""
NEW_SHARE = 0.01
"""How many baskets an increment brings, as a share of those that are counted already."""
WARM_ORDERS = 2_000
Runs = Mapping[str, Sequence[Measured]]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the source's tables are, where made data may lie, which engines run, and how often each."""

    source: Path
    folder: Path
    models: tuple[str, ...]
    repeats: int

    def orders(self, copies: int) -> list[Path]:
        """Return the source's orders, repeated."""
        return baskets.keep_orders(self.folder / f"{copies}x", lambda: baskets.copies(baskets.read_instacart(self.source), copies))

    def warm(self) -> list[Path]:
        """Return a few orders to warm an engine up with."""
        return baskets.keep_orders(self.folder / "warm", lambda: [baskets.first_orders(baskets.read_instacart(self.source), 0, WARM_ORDERS)])

    def new_orders(self) -> list[Path]:
        """Return what is added to ten copies: one order to warm up, one alone for the fixed cost of a commit, and the rest of 1%."""
        return baskets.keep_orders(self.folder / "new", self._make_new)

    def _make_new(self) -> Iterator[pa.Table]:
        copies = COPIES["10x"]
        *_, fresh = baskets.copies(baskets.read_instacart(self.source), copies + 1)
        count = round(NEW_SHARE * copies * len(fresh["order_id"].unique()))
        for start, stop in ((0, 1), (1, 2), (2, count)):
            yield baskets.first_orders(fresh, start, stop)


def bench_size(bench: Bench, name: str, tell: Tell) -> list[Figure]:
    """Return the figures of one size. Raises ``DataContractError`` where two engines disagree."""
    orders, warm = _texts(bench.orders(COPIES[name])), _texts(bench.warm())
    runs: dict[str, list[Measured]] = defaultdict(list)
    for repeat in range(bench.repeats):
        for model in _turned(bench.models, repeat):
            tell(f"{name}: {model}, {repeat + 1} of {bench.repeats}")
            runs[model].append(measure(Order(engine=model, orders=orders, warm=warm, out=""), bench.folder / "scratch"))
    require_agreement(name, runs)
    return [*_described(name, bench.orders(COPIES[name])), *measured_figures(name, runs), *compared_figures(name, runs)]


def bench_increment(bench: Bench, tell: Tell) -> list[Figure]:
    """Return the figures of adding 1% of baskets to ten copies, beside those of counting all again, publishing and the gate, in the same process."""
    known, new, warm = _texts(bench.orders(COPIES["10x"])), _texts(bench.new_orders()), _texts(bench.warm())
    adding = Order(engine=OURS, orders=known, warm=warm, out="", new=tuple(zip((WARMED, "commit_seconds", "seconds"), new, strict=True)))
    runs = []
    for repeat in range(bench.repeats):
        tell(f"{INCREMENT}, {repeat + 1} of {bench.repeats}")
        runs.append(measure(adding, bench.folder / "scratch"))
    require_agreement(INCREMENT, {OURS: runs})
    return [*measured_figures(INCREMENT, {OURS: runs}), *share_figures(runs)]


def share_figures(runs: Sequence[Measured]) -> list[Figure]:
    """Return the increment's time over that of counting all again, and the gate's over that of the two jobs that make what it guards."""
    rebuild, publish = (_values(runs, metric) for metric in ("rebuild_seconds", "publish_seconds"))
    jobs = [count + measuring for count, measuring in zip(rebuild, publish, strict=True)]
    found = {"seconds/rebuild": _ratios(_values(runs, "seconds"), rebuild), "gate/job": _ratios(_values(runs, "gate_seconds"), jobs)}
    return [as_figure(INCREMENT, OURS, metric, geometric_mean(values)) for metric, values in found.items()]


def _described(name: str, orders: Sequence[Path]) -> list[Figure]:
    found = baskets.describe_orders(orders, (MIN_BASKET, MAX_BASKET))
    return [as_figure(name, ORDERS, metric, geometric_mean([value])) for metric, value in found.items()]


def require_agreement(name: str, runs: Runs) -> None:
    """Raise ``DataContractError`` unless all runs wrote the same pairs."""
    answers = {model: {run.answer for run in found} for model, found in runs.items()}
    if len(set().union(*answers.values())) > 1:
        said = "; ".join(
            f"{model}: {answer.rows} pairs, checksum {answer.checksum:016x}" for model in answers for answer in sorted(answers[model], key=str)
        )
        raise DataContractError(f"the engines do not agree on {name}: {said}", "compare their pairs on fewer baskets: no figure of this run counts")


def measured_figures(name: str, runs: Runs, data: str = DATA) -> list[Figure]:
    """Return each model's metrics."""
    metrics = [(model, metric) for model, found in runs.items() for metric in found[0].values if metric != WARMED]
    return [as_figure(name, model, metric, geometric_mean(_values(runs[model], metric)), data) for model, metric in metrics]


def compared_figures(name: str, runs: Runs) -> list[Figure]:
    """Return our time over each reference's, paired by repeat."""
    if OURS not in runs:
        return []
    ours = _values(runs[OURS], "seconds")
    compared = {f"seconds/{other}": _ratios(ours, _values(runs[other], "seconds")) for other in (DUCKDB, SELF_JOIN) if other in runs}
    return [as_figure(name, OURS, metric, geometric_mean(values)) for metric, values in compared.items()]


def as_figure(name: str, model: str, metric: str, found: Estimate, data: str = DATA) -> Figure:
    """Return an estimate as a row; ``n`` is the number of runs."""
    return Figure(task=TASK, data=data, slice=name, model=model, metric=metric, value=found.value, low=found.low, high=found.high, n=found.n)


def _values(runs: Sequence[Measured], metric: str) -> list[float]:
    return [run.values[metric] for run in runs]


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _turned(models: Sequence[str], by: int) -> list[str]:
    """Return the models with another one first each time: none always runs on the machine as the same one left it."""
    at = by % len(models)
    return [*models[at:], *models[:at]]


def _texts(paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(str(path) for path in paths)
