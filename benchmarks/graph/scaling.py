"""How our time grows with events, baskets' size and items: each varied alone on made baskets, and one power law fitted to all points."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.estimates import FIXED, power_law
from benchmarks.graph import baskets
from benchmarks.graph.engines import OURS
from benchmarks.graph.measure import measure
from benchmarks.graph.slices import Bench, Tell, as_figure, measured_figures
from benchmarks.graph.worker import Order
from goeswith.results import Figure

DATA = "made"
Shape = tuple[int, int, int]
"""Events, items a basket, items."""
CENTRE = {"events": 4_000_000, "basket_size": 10, "items": 50_000}
AXES = {
    "events": (250_000, 1_000_000, 4_000_000, 16_000_000),
    "basket_size": (4, 10, 20, 40),
    "items": (5_000, 50_000, 150_000, 500_000),
}
"""What is varied, around ``CENTRE``: Instacart's orders are 1.4 million events, 10.6 items a basket, 39,000 items; ten times that is ``10x``."""


def bench_scaling(bench: Bench, tell: Tell) -> list[Figure]:
    """Return our figures at each point ('events=1000000'), the exponent of each axis ('events'), and the seconds of any size ('fixed')."""
    shapes = _points()
    points = {name: _measure_point(bench, name, shape, tell) for name, shape in shapes.items()}
    return [*(figure for found in points.values() for figure in found), *_fit_growth(shapes, points)]


def _fit_growth(shapes: Mapping[str, Shape], points: Mapping[str, Sequence[Figure]]) -> list[Figure]:
    """Return the exponent of each axis, and ``FIXED``."""
    seconds = [next(figure.value for figure in points[name] if figure.metric == "seconds") for name in shapes]
    fitted = power_law({axis: [shape[k] for shape in shapes.values()] for k, axis in enumerate(AXES)}, seconds)
    return [as_figure(name, OURS, "seconds" if name == FIXED else "exponent", found, DATA) for name, found in fitted.items()]


def point_name(axis: str, size: int) -> str:
    """Return the slice of one point; the centre stands on every axis and is measured once."""
    return "centre" if CENTRE[axis] == size else f"{axis}={size}"


def _points() -> dict[str, Shape]:
    shapes = {point_name(axis, size): {**CENTRE, axis: size} for axis, sizes in AXES.items() for size in sizes}
    return {name: (shape["events"], shape["basket_size"], shape["items"]) for name, shape in shapes.items()}


def _measure_point(bench: Bench, name: str, shape: Shape, tell: Tell) -> list[Figure]:
    orders = baskets.keep_orders(bench.folder / "-".join(map(str, ("made", *shape))), lambda: [baskets.made_orders(*shape)])
    tell(f"scaling: {name}")
    order = Order(engine=OURS, orders=_names(orders), warm=_names(bench.warm()), out="")
    runs = [measure(order, bench.folder / "scratch") for _ in range(bench.repeats)]
    return measured_figures(name, {OURS: runs}, DATA)


def _names(paths: list[Path]) -> tuple[str, ...]:
    return tuple(map(str, paths))
