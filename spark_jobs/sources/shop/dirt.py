"""What goes wrong in real exports, done to the shop's clean rows on purpose: every kind is counted, none touches the truth.

Rows that must be refused are added; rows of real items stay readable. Each function returns lines of CSV as bytes.
"""

import csv
import io
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from spark_jobs.sources.shop.tables import Row

HUGE_BASKET = 5_000
"""Item lines of the one basket that no person filled."""
ENTITIES = {"&": "&amp;", "'": "&#39;"}


def to_line(row: Row) -> bytes:
    """Return a row as one line of CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row.values())
    return out.getvalue().encode()


def dirty_item_lines(rows: list[Row], seed: int, planted: Counter[str]) -> list[bytes]:
    """Return the lines of items.csv: some rows made odd but readable, and rows that ingest must refuse among them."""
    rng = np.random.default_rng([seed, 12])
    odd = [_make_odd(row, rng, planted) for row in rows]
    lines = [to_line(row) for row in odd]
    bad = _bad_item_lines(odd, rng, planted)
    at = np.sort(rng.integers(1, len(lines), size=len(bad)))
    for offset, (position, line) in enumerate(zip(at, bad, strict=True)):
        lines.insert(int(position) + offset, line)
    return lines


def _make_odd(row: Row, rng: np.random.Generator, planted: Counter[str]) -> Row:
    chance = rng.random()
    if chance < 0.005:
        planted["empty_title"] += 1
        return row | {"title": ""}
    if chance < 0.015:
        planted["price_as_text"] += 1
        return row | {"price": f"€{row['price']}"}
    if "&" in row["title"] and chance < 0.4:
        planted["html_entity"] += 1
        return row | {"title": row["title"].replace("&", ENTITIES["&"]), "description": row["description"].replace("'", ENTITIES["'"])}
    return row


def _bad_item_lines(rows: list[Row], rng: np.random.Generator, planted: Counter[str]) -> list[bytes]:
    """Return added lines: negative prices, the same row again, an older row with other content, bad UTF-8, cut lines, no id."""
    picked = [rows[int(i)] for i in rng.permutation(len(rows))[:25]]
    strangers = [row | {"item_id": f"x{k:06d}", "image": "", "variant_of": ""} for k, row in enumerate(picked)]
    bad = {
        "price_negative": [to_line(row | {"price": f"-{row['price'].lstrip('€')}"}) for row in strangers[:4]],
        "duplicate": [to_line(row) for row in picked[4:12]],
        "id_conflict": [to_line(_older(row)) for row in picked[12:17]],
        "text_not_utf8": [to_line(row | {"title": "caf@ " + row["title"]}).replace(b"@", b"\xe9", 1) for row in strangers[17:20]],
        "row_incomplete": [to_line(row)[: int(rng.integers(12, 18))] + b"\n" for row in strangers[20:23]],
        "id_empty": [to_line(row | {"item_id": ""}) for row in strangers[23:25]],
    }
    planted.update({f"item_{kind}": len(lines) for kind, lines in bad.items()})
    return [line for lines in bad.values() for line in lines]


def _older(row: Row) -> Row:
    listed = datetime.fromisoformat(row["listed_at"]) - timedelta(days=60)
    return row | {"title": f"{row['title']} (old)", "price": "1.00", "listed_at": listed.strftime("%Y-%m-%dT%H:%M:%SZ")}


def dirty_event_lines(rows: list[Row], warm: list[str], seed: int, planted: Counter[str]) -> list[bytes]:
    """Return the lines of events.csv: the huge basket, refused rows at the end, and a last line cut in the middle."""
    rng = np.random.default_rng([seed, 13])
    picked = [rows[int(i)] for i in rng.choice(len(rows), size=41, replace=False)]
    bad = {
        "item_unknown": [row | {"item_id": f"gone{k}"} for k, row in enumerate(picked[:12])],
        "price_negative": [row | {"price": "-3.50"} for row in picked[12:18]],
        "quantity_bad": [row | {"quantity": "0"} for row in picked[18:24]],
        "kind_unknown": [row | {"kind": "stolen"} for row in picked[24:27]],
        "time_bad": [row | {"happened_at": "yesterday"} for row in picked[27:30]],
        "duplicate": picked[30:40],
        "huge_basket": _huge_basket(picked[40], warm, rng),
    }
    planted.update({f"event_{kind}": len(found) for kind, found in bad.items()} | {"event_row_incomplete": 1})
    whole = [to_line(row) for row in (*rows, *(row for found in bad.values() for row in found))]
    return [*whole, whole[0][:20]]


def _huge_basket(row: Row, warm: list[str], rng: np.random.Generator) -> list[Row]:
    at = datetime.fromisoformat(row["happened_at"])
    lines = row | {"basket_id": "bulk", "user": "reseller", "kind": "purchase", "price": ""}
    times = [(at + timedelta(seconds=k)).strftime("%Y-%m-%dT%H:%M:%SZ") for k in range(HUGE_BASKET)]
    return [lines | {"item_id": str(item_id), "happened_at": time} for item_id, time in zip(rng.choice(warm, HUGE_BASKET), times, strict=True)]


def spoil_pictures(folder: Path, names: list[str], seed: int, planted: Counter[str]) -> None:
    """Take a few pictures away, and make a few of them no picture: text, an empty file, a PNG cut in the middle."""
    rng = np.random.default_rng([seed, 14])
    missing, text, empty, *cut = [folder / names[int(i)] for i in rng.permutation(len(names))[:5]]
    missing.unlink()
    text.write_bytes(b"<html>404 not found</html>")
    empty.write_bytes(b"")
    for path in cut:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    planted.update({"picture_missing": 2, "picture_unreadable": 1 + len(cut)})  # no reader tells an empty file from none
