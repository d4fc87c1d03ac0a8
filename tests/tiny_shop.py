"""A tiny, seeded, catalogue-conform lake for tests that need tables but neither Spark nor a source.

60 items in 6 categories and 5 colours, two categories a department. Planted: items of one category and colour replace each
other; items of the two categories of a department in one colour go together (directed from the first category to the second).
"""

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from goeswith import lake, releases
from goeswith.catalogue import find_table
from goeswith.catalogue.graph import GRAPHS
from goeswith.pictures import store_picture
from goeswith.profile import Profile

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLOURS = {"red": (200, 30, 30), "blue": (30, 60, 200), "green": (30, 160, 60), "black": (20, 20, 20), "white": (235, 235, 235)}
CATEGORIES = (("sport", "racket"), ("sport", "balls"), ("kitchen", "pan"), ("kitchen", "spatula"), ("office", "pen"), ("office", "notebook"))
PER_CELL = 2
RUN = "tiny"


def item_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return 60 item rows; the picture shows the colour, the title names category and colour."""
    rows = []
    for path in CATEGORIES:
        for colour, rgb in COLOURS.items():
            image = store_picture(profile.pictures, draw_picture(rgb, path[1]))
            for k in range(PER_CELL):
                item_id = f"{path[1]}-{colour}-{k}"
                rows.append(
                    {
                        "item_id": item_id,
                        "title": f"{colour} {path[1]} model {k}",
                        "description": f"a {path[1]} for {path[0]}",
                        "brand": f"brand{k}",
                        "category": list(path),
                        "attributes": [{"name": "colour", "value": colour}],
                        "price": 10.0 + k,
                        "currency": "EUR",
                        "image": image,
                        "available": True,
                        "variant_of": None,
                        "known_at": EPOCH,
                    }
                )
    return rows


def draw_picture(rgb: tuple[int, int, int], shape: str) -> bytes:
    """Return a small PNG of a colour; shapes differ in their grain."""
    rng = np.random.default_rng(sum(map(ord, shape)))
    pixels = np.clip(np.array(rgb) + rng.integers(-20, 20, (96, 96, 1)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def relation_rows(items: list[dict[str, Any]], graph: str) -> list[dict[str, Any]]:
    """Return the planted edges: substitutes both ways, complements from a department's first category to its second."""
    rows = []
    for a in items:
        for b in items:
            kind = _relation(a, b)
            if kind:
                rows.append(_edge(graph, kind, a["item_id"], b["item_id"]))
    return rows


def _relation(a: dict[str, Any], b: dict[str, Any]) -> str | None:
    if a["item_id"] == b["item_id"] or a["attributes"] != b["attributes"] or a["category"][0] != b["category"][0]:
        return None
    if a["category"] == b["category"]:
        return "substitute"
    order = [path[1] for path in CATEGORIES]
    return "complement" if order.index(a["category"][1]) < order.index(b["category"][1]) else None


def _edge(graph: str, kind: str, src: str, dst: str) -> dict[str, Any]:
    relation = "co_view" if kind == "substitute" else "co_purchase"
    counted = {"relation": relation, "n": 5, "npmi": 0.5, "lift": 4.0, "first_seen": EPOCH, "recency": 0.5, "season_cos": 0.1, "season_sin": -0.2}
    return {"graph": graph, "type": kind, "src": src, "dst": dst, "weight": 0.5, **counted, "p_type": 0.9, "moved": False, "known_at": EPOCH}


def training_rows(items: list[dict[str, Any]], run: str = RUN) -> list[dict[str, Any]]:
    """Return training_sets rows of both graphs."""
    rows: list[dict[str, Any]] = []
    for graph in GRAPHS:
        rows += [{**item, "graph": graph, "kind": "item"} for item in items]
        rows += [{**edge, "graph": graph, "kind": "pair", "item_id": edge["src"]} for edge in relation_rows(items, graph)]
    return [{**row, "run": run, "row": i, "as_of": NOW} for i, row in enumerate(rows)]


def bundle_rows(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one bundle a department and colour: its four items."""
    common = {"title": None, "origin": "curated", "known_at": EPOCH}
    name = {item["item_id"]: f"{item['category'][0]}-{item['attributes'][0]['value']}" for item in items}
    return [{"bundle_id": b, "item_id": i, "group_id": f"g-{b}", **common} for i, b in name.items()]


def event_rows(bundles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each bundle bought three times, a basket each, by three users on three days."""
    rows = []
    for k in range(3):
        at = datetime(2025, 1, 1 + k, tzinfo=UTC)
        for b in bundles:
            event = {"event_id": f"{b['bundle_id']}-{b['item_id']}-{k}", "basket_id": f"{b['bundle_id']}-{k}", "user_id": f"u{k}"}
            rows.append({**event, "item_id": b["item_id"], "kind": "purchase", "quantity": 1, "price": 10.0, "happened_at": at})
    return rows


def holdout_rows(bundles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the red bundles as test and the blue ones as validation."""
    splits = {"red": "test", "blue": "validation"}
    held = {b["bundle_id"]: splits.get(b["bundle_id"].split("-")[1]) for b in bundles}
    return [{"kind": "bundle", "id": b, "split": s, "reason": "tiny"} for b, s in held.items() if s]


def write_rows(profile: Profile, name: str, rows: list[dict[str, Any]]) -> int:
    """Write rows of any table with its own writer; return the version."""
    table = find_table(name)
    columns = [f for f in table.schema if f.name != "updated_at"]
    return lake.write_table(profile, name, pa.Table.from_pylist(rows, schema=pa.schema(columns)), writer=table.writer)


def write_items(profile: Profile) -> None:
    """Write and release the items alone."""
    releases.write_release(profile, RUN, {"items": write_rows(profile, "items", item_rows(profile))})


def write_tiny_lake(profile: Profile, run: str = RUN) -> dict[str, int]:
    """Write items, events, bundles, holdout, relations and training_sets, release them as ``run``, and return the versions."""
    items = item_rows(profile)
    bundles = bundle_rows(items)
    tables = {
        "items": items,
        "events": event_rows(bundles),
        "bundles": bundles,
        "holdout": holdout_rows(bundles),
        "relations": [edge for graph in GRAPHS for edge in relation_rows(items, graph)],
        "training_sets": training_rows(items, run),
    }
    versions = {name: write_rows(profile, name, rows) for name, rows in tables.items()}
    releases.write_release(profile, run, versions)
    return versions
