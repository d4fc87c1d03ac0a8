"""Source ``amazon-meta``: product metadata as gzipped JSON lines, dirt and duplicates as they came, with declared relations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from goeswith.config import parse_config
from goeswith.errors import SourceUnreadable
from goeswith.profile import Profile
from spark_jobs.sources.base import PROBLEM, ROW, RawTables, require_folder
from spark_jobs.sources.options import NoOptions
from spark_jobs.sources.reading import as_raw, read_json_lines

STRINGS = T.ArrayType(T.StringType())
WANTED: dict[str, str | T.DataType] = {
    **dict.fromkeys(("asin", "title", "brand", "price"), "string"),
    **dict.fromkeys(("category", "description", "feature", "also_buy", "also_view"), STRINGS),
}
DECLARED = {"also_buy": "also_bought", "also_view": "also_viewed"}
"""Key of the file -> kind of relation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmazonMetaSource:
    """A folder with one meta_*.json.gz."""

    path: Path
    name: str = "amazon-meta"
    lacks: tuple[str, ...] = ("users", "times", "views", "pictures", "events", "bundles")

    def read(self, spark: SparkSession) -> RawTables:
        """Return products, and their declared relations to other products of the same file."""
        lines = read_json_lines(spark, self.path, WANTED)
        columns = {"item_id": "asin", "title": "title", "brand": "brand", "price": "price", "category": "category"}
        description = F.array_join(F.filter("description", lambda part: F.length(part) > 0), " ")
        attributes = F.transform("feature", lambda value: F.struct(F.lit("feature").alias("name"), value.alias("value")))
        items = as_raw(lines, self.path, columns, description=description, attributes=attributes)
        return RawTables(items=items, declared_relations=_declared(lines))


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> AmazonMetaSource:
    """Return the source for a folder that holds exactly one metadata file."""
    parse_config(NoOptions, options, where="source amazon-meta")
    folder = require_folder("amazon-meta", data)
    found = sorted(folder.glob("meta_*.json.gz"))
    if len(found) != 1:
        raise SourceUnreadable(f"{folder} holds {len(found)} files meta_*.json.gz", "source 'amazon-meta' reads a folder with exactly one")
    return AmazonMetaSource(path=found[0])


def _declared(lines: DataFrame) -> DataFrame:
    """Return an edge for each declared neighbour that is itself a product of the file; a product listed twice declares twice."""
    known = lines.where(F.col(PROBLEM).isNull())
    edges = [
        known.select(F.lit(kind).alias("kind"), F.col("asin").alias("src"), F.explode(F.array_distinct(key)).alias("dst"))
        for key, kind in DECLARED.items()
    ]
    products = known.select(F.col("asin").alias("dst")).distinct()
    inside = edges[0].unionByName(edges[1]).join(products, on="dst", how="left_semi").select("kind", "src", "dst")
    return inside.select("*", F.to_json(F.struct("kind", "src", "dst")).alias(ROW), F.lit(None).cast("string").alias(PROBLEM))
