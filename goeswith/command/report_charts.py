"""The report's pictures: training curves and stage times as inline SVG, product pictures as data URIs."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goeswith.errors import DataContractError
from goeswith.pictures import read_picture
from goeswith.profile import Profile

SIZE_IN = (5.2, 2.4)
COLOURS = ("#9bb7d4", "#3b6ea5", "#d97b29")
"""Of the stages counted, kept, related."""


def curve_charts(models: Path) -> dict[str, str]:
    """Return one SVG of the losses (and the validation score) a trained model, by 'graph/model'."""
    charts = {}
    for path in sorted(models.glob("*/*/curve.jsonl")):
        points = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if points:
            charts[f"{path.parent.parent.name}/{path.parent.name}"] = _draw_curve(points)
    return charts


def _draw_curve(points: Sequence[Mapping[str, Any]]) -> str:
    axes, figure = _axes()
    terms = [key for key in points[-1] if key.endswith("_loss")]
    for key in terms if len(terms) == 1 else ["loss", *terms]:
        axes.plot(*_line(points, key), label=key, linewidth=1.4)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    if any("score" in point for point in points):
        right = axes.twinx()
        right.plot(*_line(points, "score"), label="score (right)", linewidth=1.4, linestyle="--", color="#555")
        right.tick_params(labelsize=7)
    figure.legend(fontsize=7, frameon=False, loc="outside upper center", ncols=len(terms) + 2)
    return _svg(figure)


def _line(points: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    return [point["epoch"] for point in points if key in point], [point[key] for point in points if key in point]


def seconds_chart(seconds: Mapping[str, float]) -> str:
    """Return an SVG of the seconds that each step took, the longest first."""
    axes, figure = _axes((5.2, 0.24 * max(4, len(seconds))))
    names = sorted(seconds, key=lambda name: -seconds[name])
    axes.barh(names, [seconds[name] for name in names], color="#3b6ea5")
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    return _svg(figure)


def edges_chart(edges: Mapping[str, Mapping[str, int]]) -> str:
    """Return an SVG of the number of edges by stage and relation."""
    bars = [
        (f"{stage}: {relation}", n, colour) for (stage, counts), colour in zip(edges.items(), COLOURS, strict=True) for relation, n in counts.items()
    ]
    axes, figure = _axes((7.5, 0.28 * max(4, len(bars))))
    names, numbers, colours = zip(*bars, strict=True) if bars else ((), (), ())
    drawn = axes.barh(names, numbers, color=colours)
    axes.bar_label(drawn, labels=[f"{n:,}" for n in numbers], fontsize=7, padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("edges")
    return _svg(figure)


def _axes(size: tuple[float, float] = SIZE_IN) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes, figure


def _svg(figure: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg")
    return out.getvalue()[out.getvalue().index("<svg") :]


def picture_uri(profile: Profile, reference: str | None) -> str:
    """Return a stored picture as a data URI; '' where there is none."""
    if not reference:
        return ""
    try:
        data = read_picture(profile.pictures, reference)
    except DataContractError:
        return ""
    kind = "jpeg" if reference.endswith("jpg") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
