"""Pictures on their way into the picture store: checked and stored where they are read, on the executors."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from goeswith.errors import DataContractError
from goeswith.pictures import store_picture
from spark_jobs.row_checks import DETAIL, DETAIL_CHARS, FIELDS, POSITION, ROW, RULE

STORED = pa.schema([(name, pa.string()) for name in ("item_id", "image", RULE, DETAIL, ROW)])
BATCH_ROWS = 64
"""Pictures that go to a Python worker at once: a batch of 10,000 would be as many megabytes."""


def store_pictures(pictures: DataFrame, store: Path) -> DataFrame:
    """Store each picture and return item_id, image (its reference), and the rule that it broke where it could not be stored."""

    def store_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                rows = batch.slice(start, BATCH_ROWS).to_pylist()
                yield pa.RecordBatch.from_pylist([store_row(store, row) for row in rows], schema=STORED)

    stored = pictures.select("item_id", "reference", "content").mapInArrow(store_batches, _ddl(STORED))
    return stored.withColumns({FIELDS: F.lit(None).cast("string"), POSITION: F.monotonically_increasing_id()})


def store_row(store: Path, row: dict[str, Any]) -> dict[str, str | None]:
    """Store one picture; return its item, its reference or the rule that it broke, and the row as it came."""
    item_id, reference, content = row["item_id"], row["reference"], row["content"]
    told = {"item_id": item_id, ROW: json.dumps({"item_id": item_id, "reference": reference})}
    if content is None:
        return {**told, RULE: "picture_missing", DETAIL: f"no file {reference}"}
    try:
        return {**told, "image": store_picture(store, content)}
    except DataContractError as error:
        return {**told, RULE: "picture_unreadable", DETAIL: f"{reference}: {error.what}"[:DETAIL_CHARS]}


def _ddl(schema: pa.Schema) -> str:
    return ", ".join(f"`{name}` string" for name in schema.names)
