"""Pictures drawn from what an item is: shape by category, colours by palette, a pattern on the body. Pillow and numpy only."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from goeswith.progress import progress
from spark_jobs.sources.shop.latent import Items
from spark_jobs.sources.shop.shapes import SHAPES, Stroke
from spark_jobs.sources.shop.world import CATEGORIES, PALETTES, PATTERNS, RGB

SIDE_PX = 96
DRAWN_PX = 144
"""Drawn larger than the side and shrunk, so that edges are smooth."""

Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]


def draw_pictures(items: Items, folder: Path, seed: int) -> None:
    """Write one PNG an item, named by its id; each is drawn from a stream of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with progress("draw pictures", len(items), unit="pictures") as advance:
        for i, item_id in enumerate(items.item_id):
            (folder / f"{item_id}.png").write_bytes(draw_picture(items, int(items.shown[i]), np.random.default_rng([seed, 3, i])))
            advance(1, "")


def draw_picture(items: Items, look: int, rng: np.random.Generator) -> bytes:
    """Return the PNG of the item number ``look``."""
    palette = PALETTES[items.palette[look]]
    body, trim = (_jitter(palette.colours[k], rng) for k in items.colours[look])
    ground = tuple(int(v) for v in rng.integers(205, 250, 3))
    pattern = pattern_mask(PATTERNS[items.pattern[look]], rng)
    canvas = Image.new("RGB", (DRAWN_PX, DRAWN_PX), ground)
    paint = {"body": _mix(body, trim, pattern), "trim": Image.new("RGB", canvas.size, trim), "hole": Image.new("RGB", canvas.size, ground)}
    for stroke in SHAPES[CATEGORIES[items.category[look]].name]:
        canvas.paste(paint[stroke.role], mask=_stroke_mask(stroke))
    out = io.BytesIO()
    _place(canvas, ground, rng).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _jitter(colour: RGB, rng: np.random.Generator) -> RGB:
    """Return the colour a little lighter or darker, and a little off in hue."""
    r, g, b = np.clip(np.array(colour) * rng.uniform(0.85, 1.12) + rng.normal(0, 7, 3), 0, 255).astype(int)
    return int(r), int(g), int(b)


PATTERN_RULES: dict[str, Callable[[Plane, Plane, float], Mask]] = {
    "plain": lambda x, _y, _step: np.zeros_like(x, dtype=bool),
    "stripes": lambda x, y, step: (x + 0.4 * y) % step < 0.45 * step,
    "checks": lambda x, y, step: ((x // (step / 2)) + (y // (step / 2))) % 2 == 0,
    "dots": lambda x, y, step: (x % step - step / 2) ** 2 + (y % step - step / 2) ** 2 < (0.3 * step) ** 2,
    "diamonds": lambda x, y, step: np.abs(x % step - step / 2) + np.abs(y % step - step / 2) < 0.38 * step,
    "waves": lambda x, y, step: (y + 0.3 * step * np.sin(2 * np.pi * x / step)) % step < 0.45 * step,
}
"""Pattern name -> where the second colour shows, given pixel coordinates and the size of one repeat."""


def pattern_mask(name: str, rng: np.random.Generator) -> Mask:
    """Return where the second colour shows on the body."""
    y, x = np.mgrid[0:DRAWN_PX, 0:DRAWN_PX].astype(np.float64)
    step = rng.uniform(0.105, 0.155) * DRAWN_PX
    x, y = x + rng.uniform(0, step), y + rng.uniform(0, step)
    return PATTERN_RULES[name](x, y, step)


def _mix(body: RGB, trim: RGB, pattern: Mask) -> Image.Image:
    return Image.fromarray(np.where(pattern[..., None], np.array(trim), np.array(body)).astype(np.uint8))


def _stroke_mask(stroke: Stroke) -> Image.Image:
    mask = Image.new("L", (DRAWN_PX, DRAWN_PX), 0)
    draw = ImageDraw.Draw(mask)
    points = [(0.06 * DRAWN_PX + 0.88 * DRAWN_PX * x, 0.06 * DRAWN_PX + 0.88 * DRAWN_PX * y) for x, y in stroke.points]
    width = max(1, round(stroke.width * DRAWN_PX))
    if stroke.kind == "polygon":
        draw.polygon(points, fill=255)
    elif stroke.kind == "line":
        draw.line(points, fill=255, width=width, joint="curve")
    elif stroke.kind == "rectangle":
        draw.rectangle((*points[0], *points[1]), fill=255)
    elif stroke.kind == "ring":
        draw.ellipse((*points[0], *points[1]), outline=255, width=width)
    else:
        draw.ellipse((*points[0], *points[1]), fill=255)
    return mask


def _place(canvas: Image.Image, ground: tuple[int, ...], rng: np.random.Generator) -> Image.Image:
    """Turn, shift and shrink the drawing a little, mirror it now and then, and add grain."""
    shift = (int(rng.integers(-8, 9)), int(rng.integers(-8, 9)))
    turned = canvas.rotate(rng.uniform(-14, 14), resample=Image.Resampling.BILINEAR, translate=shift, fillcolor=ground)
    if rng.random() < 0.5:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(turned.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX), dtype=np.float64)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 4, (SIDE_PX, SIDE_PX, 1)), 0, 255).astype(np.uint8))
