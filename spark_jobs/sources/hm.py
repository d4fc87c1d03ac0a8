"""Source ``hm``: the H&M sample, with baskets (customer and day), texts, and pictures read out of their tar.

Articles carry no price; what a customer paid stands in the purchases, scaled by the publisher to no known currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import RawTables, require_columns, require_file, require_folder
from spark_jobs.sources.options import NoOptions
from spark_jobs.sources.reading import as_raw, attributes_of, path_of, read_csv
from spark_jobs.sources.tar import read_tar

PATH_COLUMNS = ("index_group_name", "index_name", "section_name", "garment_group_name", "product_type_name")
ATTRIBUTES = {
    "product type": "product_type_name",
    "colour": "colour_group_name",
    "graphical appearance": "graphical_appearance_name",
    "product group": "product_group_name",
    "department": "department_name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HmSource:
    """The folder of the H&M sample."""

    folder: Path
    name: str = "hm"
    lacks: tuple[str, ...] = ("views", "prices", "bundles", "brands")

    def read(self, spark: SparkSession) -> RawTables:
        """Return articles, purchases and the pictures named ARTICLE.jpg."""
        items = _read_articles(spark, self.folder / "articles_named.csv")
        events = _read_purchases(spark, self.folder / "transactions_train_sample.csv")
        named = items.select("item_id", F.concat("item_id", F.lit(".jpg")).alias("reference"))
        pictures = read_tar(spark, require_file(self.folder / "images_short192.tar"), named)
        return RawTables(items=items, events=events, pictures=pictures)


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> HmSource:
    """Return the source for a folder."""
    parse_config(NoOptions, options, where="source hm")
    return HmSource(folder=require_folder("hm", data))


def _read_articles(spark: SparkSession, path: Path) -> DataFrame:
    frame = read_csv(spark, path)
    columns = {"item_id": "article_id", "title": "prod_name", "description": "detail_desc", "variant_of": "product_code"}
    wanted = columns | {f"category {name}": name for name in PATH_COLUMNS} | {f"attribute {name}": name for name in ATTRIBUTES.values()}
    require_columns(path, frame.columns, wanted)
    return as_raw(frame, path, columns, category=path_of(*PATH_COLUMNS), attributes=attributes_of(ATTRIBUTES))


def _read_purchases(spark: SparkSession, path: Path) -> DataFrame:
    """A basket is what one customer bought on one day; equal rows are several pieces of one article."""
    rows = read_csv(spark, path)
    columns = {"user_id": "customer_id", "item_id": "article_id", "price": "price", "happened_at": "t_dat"}
    require_columns(path, rows.columns, columns)
    pieces = rows.groupBy(*rows.columns).agg(F.count("*").cast("string").alias("quantity"))
    return as_raw(pieces, path, {**columns, "quantity": "quantity"}, basket_id=F.concat_ws("|", "customer_id", "t_dat"), kind=F.lit("purchase"))
