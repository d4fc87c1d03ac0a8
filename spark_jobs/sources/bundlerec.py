"""Source ``bundlerec``: curated bundles with intents over titled items, one domain (clothing, electronic) a folder.

A session is a basket: each belongs to one user at one time (some sessions name neither). A bundle was curated from one session.

With the option ``relations`` it is another shop: the typed edges of a file between these items (the Amazon relations joined to
BundleRec's ids), the titles and categories of the items that they name, and nothing else, so that declared edges alone say what goes with what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass as checked
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import STRICT, parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import PROBLEM, ROW, RawTables, require_folder
from spark_jobs.sources.reading import as_raw, read_csv


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """The file of typed edges, relative to the source's folder; '' reads sessions and bundles."""

    relations: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlerecSource:
    """One domain's folder."""

    folder: Path
    relations: str = ""
    name: str = "bundlerec"

    @property
    def lacks(self) -> tuple[str, ...]:
        """What no file that is read gives."""
        always = ("views", "pictures", "prices", "brands")
        return (*always, "users", "times", "events", "bundles") if self.relations else always

    def read(self, spark: SparkSession) -> RawTables:
        """Return titled items, sessions as baskets, and bundles that share a group where they share a session; or items and their edges."""
        items = self._read_items(spark)
        if self.relations:
            edges = self._read_edges(spark)
            return RawTables(items=items.join(named_items(edges), on="item_id", how="left_semi"), declared_relations=edges)
        return RawTables(items=items, events=self._read_sessions(spark), bundles=self._read_bundles(spark))

    def _read_edges(self, spark: SparkSession) -> DataFrame:
        path = self.folder / self.relations
        return as_raw(read_csv(spark, path), path, {"kind": "relation", "src": "bundlerec_item_id_a", "dst": "bundlerec_item_id_b"})

    def _read_items(self, spark: SparkSession) -> DataFrame:
        titles = self._read(spark, "item_titles", item_id="item ID", title="titles")
        categories = self._read(spark, "item_categories", item_id="item ID", text="categories")
        by_item = categories.where("text is not null").groupBy("item_id").agg(F.max("text").alias("text"))
        return titles.join(by_item, on="item_id", how="left").withColumn("category", deepest_path(F.col("text"))).drop("text")

    def _read_sessions(self, spark: SparkSession) -> DataFrame:
        lines = self._read(spark, "session_item", basket_id="session ID", item_id="item ID")
        owners = self._read(spark, "user_session", user_id="user ID", basket_id="session ID", happened_at="timestamp")
        owners = owners.drop(ROW, PROBLEM).dropDuplicates(["basket_id"])
        return lines.join(owners, on="basket_id", how="left").withColumn("kind", F.lit("purchase"))

    def _read_bundles(self, spark: SparkSession) -> DataFrame:
        lines = self._read(spark, "bundle_item", bundle_id="bundle ID", item_id="item ID")
        groups = self._read(spark, "session_bundle", bundle_id="bundle ID", group_id="session ID").drop(ROW, PROBLEM)
        intents = self._read(spark, "bundle_intent", bundle_id="bundle ID", title="intent").drop(ROW, PROBLEM)
        times = self._read(spark, "user_bundle", bundle_id="bundle ID", known_at="timestamp").drop(ROW, PROBLEM)
        for known in (groups, intents, times):
            lines = lines.join(known.dropDuplicates(["bundle_id"]), on="bundle_id", how="left")
        return lines.withColumn("origin", F.lit("curated"))

    def _read(self, spark: SparkSession, name: str, **columns: str) -> DataFrame:
        path = self.folder / f"{name}.csv"
        return as_raw(read_csv(spark, path, multiline=True), path, columns)


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> BundlerecSource:
    """Return the source for one domain's folder."""
    config = parse_config(Config, options, where="source bundlerec")
    return BundlerecSource(folder=require_folder("bundlerec", data), relations=config.relations)


def named_items(edges: DataFrame) -> DataFrame:
    """Return the ids (item_id) at either end of the whole rows of ``edges``, each once."""
    return edges.where(F.col(PROBLEM).isNull()).select(F.explode(F.array("src", "dst")).alias("item_id")).distinct()


def deepest_path(text: Column) -> Column:
    """Return the longest path of '[[A, B & C,D],[A, B & C]]', the first of equals.

    Names hold commas, but always with a blank behind; the commas between names have none.
    """
    inner = F.regexp_replace(text, r"^\s*\[\[|\]\]\s*$", "")
    paths = F.transform(F.split(inner, r"\],\s*\["), lambda path: F.split(path, r",(?! )"))
    longest = F.reduce(paths, F.array().cast("array<string>"), lambda best, path: F.when(F.size(path) > F.size(best), path).otherwise(best))
    return F.transform(longest, lambda name: F.trim(name))
