"""Source ``amazon-relations``: declared relations of a 2014 Amazon domain (Beauty, Clothing). No titles, texts or pictures.

Line i of each ``*_p_*`` file speaks of line i of ``product.txt.gz`` by numbers of lines in another file (from 0). Neighbours that
are no product of the domain are left out: nothing is known about them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import PROBLEM, ROW, RawTables, require_file, require_folder
from spark_jobs.sources.options import NoOptions

KINDS = ("also_bought", "also_viewed", "bought_together")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmazonRelationsSource:
    """One domain's folder."""

    folder: Path
    name: str = "amazon-relations"
    lacks: tuple[str, ...] = ("users", "times", "views", "pictures", "titles", "prices", "events", "bundles")

    def read(self, spark: SparkSession) -> RawTables:
        """Return products with brand and categories, and the declared relations between them."""
        return RawTables(items=self._read_items(spark), declared_relations=self._read_relations(spark))

    def _read_items(self, spark: SparkSession) -> DataFrame:
        products = self._lines(spark, "product", "item_id")
        brands = self._named(spark, "brand_p_b", "brand").groupBy("line").agg(F.first("name").alias("brand"))
        joined = products.join(brands, on="line", how="left").join(self._read_paths(spark), on="line", how="left")
        return _with_row(joined.select("item_id", "brand", "category"))

    def _read_paths(self, spark: SparkSession) -> DataFrame:
        """Return (line, category): the file lists a product's categories in no order, so those of most products come first."""
        named = self._named(spark, "category_p_c", "category").distinct()
        sizes = named.groupBy("name").agg(F.count("*").alias("size"))
        path = F.sort_array(F.collect_list(F.struct((-F.col("size")).alias("order"), "name"))).alias("path")
        paths = named.join(F.broadcast(sizes), on="name", how="inner").groupBy("line").agg(path)
        return paths.select("line", F.col("path.name").alias("category"))

    def _read_relations(self, spark: SparkSession) -> DataFrame:
        products = self._lines(spark, "product", "item_id")
        src, dst = products.select("line", F.col("item_id").alias("src")), products.select(F.col("item_id").alias("dst"))
        edges = reduce(DataFrame.unionByName, (self._neighbours(spark, kind) for kind in KINDS))
        inside = edges.join(src, on="line", how="inner").join(dst, on="dst", how="left_semi")
        return _with_row(inside.select("kind", "src", "dst"))

    def _neighbours(self, spark: SparkSession, kind: str) -> DataFrame:
        named = self._named(spark, f"{kind}_p_p", "related_product")
        return named.select("line", F.lit(kind).alias("kind"), F.col("name").alias("dst"))

    def _named(self, spark: SparkSession, name: str, names: str) -> DataFrame:
        """Return (line, name): the entries of each line of a ``*_p_*`` file, by name."""
        numbers = F.filter(F.split(F.trim("text"), r"\s+"), lambda number: number != "")
        entries = self._lines(spark, name, "text").select("line", F.explode(numbers.cast("array<bigint>")).alias("number"))
        known = self._lines(spark, names, "name").withColumnRenamed("line", "number")
        return entries.join(known, on="number", how="inner").select("line", "name")

    def _lines(self, spark: SparkSession, name: str, column: str) -> DataFrame:
        """Return the lines of a file with their numbers. Gzip is read by one task, so the running number is the line's."""
        path = require_file(self.folder / f"{name}.txt.gz")
        return spark.read.text(str(path)).coalesce(1).select(F.monotonically_increasing_id().alias("line"), F.col("value").alias(column))


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> AmazonRelationsSource:
    """Return the source for one domain's folder."""
    parse_config(NoOptions, options, where="source amazon-relations")
    return AmazonRelationsSource(folder=require_folder("amazon-relations", data))


def _with_row(frame: DataFrame) -> DataFrame:
    said: list[Column] = [F.col(name) for name in frame.columns]
    return frame.select("*", F.to_json(F.struct(*said)).alias(ROW), F.lit(None).cast("string").alias(PROBLEM))
