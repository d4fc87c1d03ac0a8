"""Write the synthetic shop to a folder, and its truth to another: the same seed and size give the same bytes."""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from goeswith.results import write_json
from spark_jobs.sources.shop.behaviour import Event, draw_crowd, draw_purchases, draw_views, pair_counts
from spark_jobs.sources.shop.bundles import Bundle, draw_planted_bundles, draw_shown_bundles
from spark_jobs.sources.shop.dirt import dirty_event_lines, dirty_item_lines, spoil_pictures, to_line
from spark_jobs.sources.shop.latent import draw_items, plant_complements, plant_substitutes
from spark_jobs.sources.shop.pictures import draw_pictures
from spark_jobs.sources.shop.tables import Row, bundle_rows, event_rows, item_rows
from spark_jobs.sources.shop.truth import Truth, write_truth

DEFAULT_SEED = 7
DEFAULT_SIZE = 1_500
SMALLEST_SIZE = 100
VERSION = 1
"""Raised when the same seed would give another shop."""
MARKER = "complete.json"
IMAGES = "images"

MAPPING = {
    "items": {
        "file": "items.csv",
        "format": "csv",
        "columns": {name: name for name in ("item_id", "title", "description", "brand", "price", "currency", "image", "variant_of")}
        | {"available": "in_stock", "known_at": "listed_at"},
        "category": ["department", "category"],
        "attributes": ["material", "size"],
    },
    "events": {
        "file": "events.csv",
        "format": "csv",
        "columns": {name: name for name in ("basket_id", "item_id", "kind", "quantity", "price", "happened_at")} | {"user_id": "user"},
    },
    "bundles": {
        "file": "bundles.csv",
        "format": "csv",
        "columns": {"bundle_id": "bundle_id", "item_id": "item_id", "group_id": "author", "title": "title"},
    },
    "images": IMAGES,
}
"""How the ``files`` source reads the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A shop in memory: what was planted, and what users and authors did about it."""

    truth: Truth
    events: list[Event]
    bundles: list[Bundle]


def plant_shop(seed: int, size: int) -> Shop:
    """Draw a shop: items, the relations that the rule gives, behaviour and bundles. No file is written."""
    items = draw_items(seed, size)
    complements, substitutes = plant_complements(items), plant_substitutes(items)
    crowd = draw_crowd(items, seed)
    purchases = list(draw_purchases(items, crowd, complements, seed))
    views = list(draw_views(items, crowd, substitutes, seed))
    truth = Truth(
        items=items,
        complements=complements,
        substitutes=substitutes,
        bought=pair_counts(purchases, size),
        viewed=pair_counts(views, size),
        bundles=tuple(draw_planted_bundles(items, complements, seed)),
    )
    return Shop(truth=truth, events=purchases + views, bundles=draw_shown_bundles(items, complements, seed))


def generate(folder: Path, truth_folder: Path, seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> None:
    """Plant a shop and write it, unless both folders hold this very shop whole already."""
    if not is_complete(folder, truth_folder, seed, size):
        write_shop(plant_shop(seed, size), folder, truth_folder, seed)


def is_complete(folder: Path, truth_folder: Path, seed: int, size: int) -> bool:
    """Return whether both folders hold the shop of this seed and size, whole and by this version of the generator."""
    marker = _marker(seed, size)
    return all(path.exists() and json.loads(path.read_text(encoding="utf-8")) == marker for path in _markers(folder, truth_folder))


def write_shop(shop: Shop, folder: Path, truth_folder: Path, seed: int) -> None:
    """Write items.csv, events.csv, bundles.csv, images/ and mapping.yaml to ``folder``, the truth to ``truth_folder``.

    The markers that make it complete go first and come last, so a run that was cut off is started afresh.
    """
    for path in _markers(folder, truth_folder):
        path.unlink(missing_ok=True)
    planted: Counter[str] = Counter()
    _write_folder(shop, folder, seed, planted)
    write_truth(shop.truth, truth_folder)
    write_json(truth_folder / "dirt.json", dict(planted))
    for path in _markers(folder, truth_folder):
        write_json(path, _marker(seed, len(shop.truth.items)))


def _markers(folder: Path, truth_folder: Path) -> tuple[Path, Path]:
    return truth_folder / MARKER, folder / MARKER


def _marker(seed: int, size: int) -> dict[str, int]:
    return {"version": VERSION, "seed": seed, "size": size}


def _write_folder(shop: Shop, folder: Path, seed: int, planted: Counter[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    items = shop.truth.items
    draw_pictures(items, folder / IMAGES, seed)
    spoil_pictures(folder / IMAGES, [f"{item_id}.png" for item_id in items.item_id], seed, planted)
    rows, events, bundles = item_rows(items, seed), event_rows(items, shop.events, seed), bundle_rows(items, shop.bundles)
    warm = items.item_id[~items.is_new].tolist()
    _write_csv(folder / "items.csv", rows[0], dirty_item_lines(rows, seed, planted))
    _write_csv(folder / "events.csv", events[0], dirty_event_lines(events, warm, seed, planted))
    _write_csv(folder / "bundles.csv", bundles[0], [to_line(row) for row in bundles])
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING, sort_keys=False), encoding="utf-8")


def _write_csv(path: Path, example: Row, lines: list[bytes]) -> None:
    path.write_bytes(to_line({name: name for name in example}) + b"".join(lines))
