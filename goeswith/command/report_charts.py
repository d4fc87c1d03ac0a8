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
    numbers = [key for key, value in points[-1].items() if isinstance(value, float) and (key.endswith("loss") or key == "score")]
    for key in numbers:
        line = [(i, point[key]) for i, point in enumerate(points) if key in point]
        axes.plot([i for i, _ in line], [value for _, value in line], label=key, linewidth=1.4)
    axes.set_xlabel("logged step")
    axes.legend(fontsize=7, frameon=False)
    return _svg(figure)


def seconds_chart(seconds: Mapping[str, float]) -> str:
    """Return an SVG of the seconds that each step took."""
    axes, figure = _axes((5.2, 0.24 * max(4, len(seconds))))
    names = list(seconds)
    axes.barh(names, [seconds[name] for name in names], color="#3b6ea5")
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    return _svg(figure)


def _axes(size: tuple[float, float] = SIZE_IN) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="tight")
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
