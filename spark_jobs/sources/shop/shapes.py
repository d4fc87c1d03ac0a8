"""How each category looks: a few strokes in a unit square, drawn one over the other. Geometry only, no colour."""

from dataclasses import dataclass
from typing import Literal

Points = tuple[tuple[float, float], ...]
Kind = Literal["ellipse", "rectangle", "polygon", "line", "ring"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke: ``body`` carries the pattern, ``trim`` the second colour, ``hole`` shows the ground again. Width as a share of the side."""

    kind: Kind
    points: Points
    role: Literal["body", "trim", "hole"] = "body"
    width: float = 0.0


def _ellipse(x0: float, y0: float, x1: float, y1: float, role: Literal["body", "trim", "hole"] = "body") -> Stroke:
    return Stroke("ellipse", ((x0, y0), (x1, y1)), role)


def _box(x0: float, y0: float, x1: float, y1: float, role: Literal["body", "trim", "hole"] = "body") -> Stroke:
    return Stroke("rectangle", ((x0, y0), (x1, y1)), role)


def _poly(*xy: float, role: Literal["body", "trim", "hole"] = "body") -> Stroke:
    return Stroke("polygon", tuple(zip(xy[::2], xy[1::2], strict=True)), role)


def _line(*xy: float, width: float = 0.05) -> Stroke:
    return Stroke("line", tuple(zip(xy[::2], xy[1::2], strict=True)), "trim", width)


def _ring(x0: float, y0: float, x1: float, y1: float, width: float = 0.05) -> Stroke:
    return Stroke("ring", ((x0, y0), (x1, y1)), "trim", width)


SHAPES: dict[str, tuple[Stroke, ...]] = {
    "rackets": (_line(0.5, 0.6, 0.5, 0.96, width=0.09), _ellipse(0.24, 0.04, 0.76, 0.64), _ring(0.24, 0.04, 0.76, 0.64)),
    "balls": (_ellipse(0.08, 0.5, 0.48, 0.9), _ellipse(0.52, 0.5, 0.92, 0.9), _ellipse(0.3, 0.12, 0.7, 0.52)),
    "sportbags": (_ring(0.3, 0.2, 0.7, 0.6), _box(0.06, 0.4, 0.94, 0.82), _line(0.06, 0.52, 0.94, 0.52, width=0.03)),
    "wristbands": (_box(0.25, 0.3, 0.75, 0.72), _ellipse(0.25, 0.62, 0.75, 0.82), _ellipse(0.25, 0.2, 0.75, 0.4, "trim")),
    "ballbaskets": (
        _poly(0.2, 0.3, 0.8, 0.3, 0.7, 0.75, 0.3, 0.75),
        _line(0.3, 0.75, 0.2, 0.96),
        _line(0.7, 0.75, 0.8, 0.96),
        _line(0.2, 0.3, 0.3, 0.05),
    ),
    "pans": (_ellipse(0.04, 0.3, 0.62, 0.88), _ring(0.04, 0.3, 0.62, 0.88), _line(0.56, 0.42, 0.96, 0.1, width=0.08)),
    "spatulas": (_poly(0.34, 0.04, 0.66, 0.04, 0.62, 0.4, 0.38, 0.4), _line(0.5, 0.4, 0.5, 0.96, width=0.06)),
    "aprons": (
        _poly(0.36, 0.14, 0.64, 0.14, 0.84, 0.42, 0.8, 0.94, 0.2, 0.94, 0.16, 0.42),
        _ring(0.38, 0.0, 0.62, 0.24, 0.03),
        _box(0.36, 0.52, 0.64, 0.7, "trim"),
    ),
    "plates": (_ellipse(0.05, 0.05, 0.95, 0.95), _ring(0.22, 0.22, 0.78, 0.78, 0.03)),
    "potholders": (_poly(0.5, 0.08, 0.92, 0.5, 0.5, 0.92, 0.08, 0.5), _ring(0.43, 0.0, 0.57, 0.14, 0.03)),
    "dresses": (_poly(0.38, 0.06, 0.62, 0.06, 0.6, 0.4, 0.84, 0.94, 0.16, 0.94, 0.4, 0.4), _line(0.4, 0.4, 0.6, 0.4)),
    "shoes": (_poly(0.06, 0.4, 0.3, 0.36, 0.55, 0.58, 0.92, 0.68, 0.94, 0.78, 0.06, 0.78), _line(0.06, 0.8, 0.94, 0.8, width=0.07)),
    "handbags": (_ring(0.28, 0.08, 0.72, 0.66), _poly(0.16, 0.42, 0.84, 0.42, 0.94, 0.9, 0.06, 0.9)),
    "scarves": (_ellipse(0.2, 0.06, 0.8, 0.42), _ellipse(0.36, 0.14, 0.64, 0.32, "hole"), _box(0.26, 0.3, 0.46, 0.95), _box(0.54, 0.3, 0.7, 0.82)),
    "hats": (_ellipse(0.04, 0.56, 0.96, 0.82), _poly(0.28, 0.68, 0.32, 0.22, 0.68, 0.22, 0.72, 0.68), _line(0.28, 0.62, 0.72, 0.62, width=0.08)),
    "lamps": (_poly(0.36, 0.08, 0.64, 0.08, 0.84, 0.46, 0.16, 0.46), _line(0.5, 0.46, 0.5, 0.86), _line(0.28, 0.9, 0.72, 0.9, width=0.08)),
    "notebooks": (_box(0.2, 0.08, 0.84, 0.92), _line(0.24, 0.08, 0.24, 0.92, width=0.08), _box(0.42, 0.22, 0.74, 0.36, "trim")),
    "pens": (_poly(0.72, 0.06, 0.86, 0.18, 0.36, 0.78, 0.22, 0.66), _poly(0.36, 0.78, 0.22, 0.66, 0.14, 0.9, role="trim")),
    "tents": (_poly(0.5, 0.12, 0.98, 0.88, 0.02, 0.88), _poly(0.5, 0.4, 0.66, 0.88, 0.34, 0.88, role="trim")),
    "backpacks": (_ellipse(0.2, 0.06, 0.8, 0.6), _box(0.2, 0.32, 0.8, 0.92), _box(0.3, 0.56, 0.7, 0.82, "trim")),
    "lanterns": (
        _ring(0.36, 0.02, 0.64, 0.3, 0.03),
        _box(0.3, 0.22, 0.7, 0.32, "trim"),
        _ellipse(0.24, 0.28, 0.76, 0.84),
        _box(0.3, 0.8, 0.7, 0.94, "trim"),
    ),
    "bottles": (_box(0.42, 0.04, 0.58, 0.16, "trim"), _poly(0.42, 0.16, 0.58, 0.16, 0.7, 0.34, 0.7, 0.96, 0.3, 0.96, 0.3, 0.34)),
    "mugs": (_ring(0.56, 0.3, 0.94, 0.72, 0.07), _box(0.14, 0.2, 0.7, 0.86), _ellipse(0.14, 0.12, 0.7, 0.28, "trim")),
}
