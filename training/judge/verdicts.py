"""Verdicts of a language model as lessons: what ``edge_verdicts`` holds of pairs that are still counted, with their items as they stand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from goeswith import lake
from goeswith.catalogue.graph import LABELS
from goeswith.errors import TrainingStopped
from goeswith.jobs import JobRun
from goeswith.pair_judge.item import Item
from training.judge.lessons import Lessons

CHANCES = [f"p_{label}" for label in LABELS]
TABLES = ("edge_verdicts", "item_pairs", "items")
ITEM = ("item_id", "title", "brand", "category", "attributes", "price")


def read_verdicts(job: JobRun, judge: str) -> Lessons:
    """Return the newest verdict of a judge on each pair, in the order that it was asked in, at this run's versions.

    A pair whose items are gone, or that is counted no more, teaches nothing; nor does a verdict with two labels equally likely.
    Raises ``TrainingStopped`` where the judge has said nothing.
    """
    told = newest_verdicts(job, judge)
    items = {row["item_id"]: _item(row) for row in _read(job, "items", ITEM).to_pylist()}
    counted = {frozenset(pair) for pair in zip(*(_read(job, "item_pairs", ("src", "dst"))[end].to_pylist() for end in ("src", "dst")), strict=True)}
    kept = [row for row in told if row["src"] in items and row["dst"] in items and frozenset((row["src"], row["dst"])) in counted]
    labels = [_label(row) for row in kept]
    clear = [(row, label) for row, label in zip(kept, labels, strict=True) if label is not None]
    if not clear:
        raise TrainingStopped(f"{judge} has judged no pair that item_pairs holds", f"set judge.kind: {judge} and run: goeswith run graph")
    src, dst = (tuple(row[end] for row, _ in clear) for end in ("src", "dst"))
    return Lessons(items, src, dst, np.array([label for _, label in clear], dtype=np.int64), (None,) * len(clear))


def newest_verdicts(job: JobRun, judge: str) -> list[dict[str, Any]]:
    """Return one row a pair: the verdict given last."""
    columns = ("src", "dst", "judged_at", *CHANCES)
    rows = lake.read_table(job.profile, "edge_verdicts", version=job.version_of("edge_verdicts"), columns=columns, where={"judge": judge})
    newest = {(row["src"], row["dst"]): row for row in rows.sort_by("judged_at").to_pylist()}
    return [newest[pair] for pair in sorted(newest)]


def stored_labels(job: JobRun, judge: str, lessons: Lessons) -> list[int | None]:
    """Return another judge's label of each lesson; None where it was not asked, or has no opinion."""
    told = {(row["src"], row["dst"]): _label(row) for row in newest_verdicts(job, judge)}
    return [told.get((a, b), told.get((b, a))) for a, b in zip(lessons.src, lessons.dst, strict=True)]


def _label(row: dict[str, Any]) -> int | None:
    chances = [row[name] for name in CHANCES]
    return None if chances.count(max(chances)) > 1 else chances.index(max(chances))


def _read(job: JobRun, table: str, columns: Sequence[str]) -> pa.Table:
    return lake.read_table(job.profile, table, version=job.version_of(table), columns=columns)


def _item(row: dict[str, Any]) -> Item:
    attributes = tuple((pair["name"], pair["value"]) for pair in row["attributes"] or ())
    return Item(title=row["title"], brand=row["brand"], category=tuple(row["category"] or ()), attributes=attributes, price=row["price"])
