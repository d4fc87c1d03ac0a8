"""How our time grows with events, baskets' size and items: one of them varied at a time on made baskets, an exponent fitted to each."""

from pathlib import Path

from benchmarks.estimates import exponent
from benchmarks.graph import baskets
from benchmarks.graph.engines import OURS
from benchmarks.graph.measure import measure
from benchmarks.graph.slices import Bench, Tell, as_figure, measured_figures
from benchmarks.graph.worker import Order
from goeswith.results import Figure

DATA = "made"
CENTRE = {"events": 1_000_000, "basket_size": 10, "items": 50_000}
AXES = {
    "events": (250_000, 500_000, 1_000_000, 2_000_000, 4_000_000),
    "basket_size": (4, 7, 10, 20, 40),
    "items": (5_000, 15_000, 50_000, 150_000, 500_000),
}
"""What is varied, around ``CENTRE``: Instacart's size is 1.4 million events, 10.6 items a basket, 39,000 items."""


def bench_scaling(bench: Bench, tell: Tell) -> list[Figure]:
    """Return our figures at each point ('events=500000') and the exponent of each axis ('events')."""
    points = {name: _measure_point(bench, name, shape, tell) for name, shape in _points().items()}
    figures = [figure for found in points.values() for figure in found]
    return figures + [_fit(axis, points) for axis in AXES]


def point_name(axis: str, size: int) -> str:
    """Return the slice of one point; the centre stands on every axis and is measured once."""
    return "centre" if CENTRE[axis] == size else f"{axis}={size}"


def _points() -> dict[str, tuple[int, int, int]]:
    shapes = {point_name(axis, size): {**CENTRE, axis: size} for axis, sizes in AXES.items() for size in sizes}
    return {name: (shape["events"], shape["basket_size"], shape["items"]) for name, shape in shapes.items()}


def _measure_point(bench: Bench, name: str, shape: tuple[int, int, int], tell: Tell) -> list[Figure]:
    orders = baskets.keep_orders(bench.folder / "-".join(map(str, ("made", *shape))), lambda: [baskets.made_orders(*shape)])
    tell(f"scaling: {name}")
    order = Order(engine=OURS, orders=_names(orders), warm=_names(bench.warm()), out="")
    runs = [measure(order, bench.folder / "scratch") for _ in range(bench.repeats)]
    return measured_figures(name, {OURS: runs}, DATA)


def _fit(axis: str, points: dict[str, list[Figure]]) -> Figure:
    seconds = [next(f.value for f in points[point_name(axis, size)] if f.metric == "seconds") for size in AXES[axis]]
    return as_figure(axis, OURS, "exponent", exponent(AXES[axis], seconds), DATA)


def _names(paths: list[Path]) -> tuple[str, ...]:
    return tuple(map(str, paths))
