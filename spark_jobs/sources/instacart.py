"""Source ``instacart``: grocery baskets at scale, with product names, aisles and departments. No users, times or pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import RawTables, require_columns, require_folder
from spark_jobs.sources.options import NoOptions
from spark_jobs.sources.reading import as_raw, path_of, read_columnar


@dataclass(frozen=True, slots=True, kw_only=True)
class InstacartSource:
    """The folder of the Instacart tables."""

    folder: Path
    name: str = "instacart"
    lacks: tuple[str, ...] = ("users", "times", "views", "pictures", "prices", "bundles", "brands")

    def read(self, spark: SparkSession) -> RawTables:
        """Return products with their department and aisle, and orders as baskets."""
        path = self.folder / "order_products__train.parquet"
        orders = as_raw(read_columnar(spark, path, "parquet"), path, {"basket_id": "order_id", "item_id": "product_id"}, kind=F.lit("purchase"))
        return RawTables(items=self._read_products(spark), events=orders)

    def _read_products(self, spark: SparkSession) -> DataFrame:
        path = self.folder / "products.parquet"
        products = read_columnar(spark, path, "parquet")
        require_columns(path, products.columns, {"item_id": "product_id", "aisle": "aisle_id", "department": "department_id"})
        for name in ("aisle", "department"):
            products = products.join(F.broadcast(self._read_names(spark, name)), on=f"{name}_id", how="left")
        return as_raw(products, path, {"item_id": "product_id", "title": "product_name"}, category=path_of("department", "aisle"))

    def _read_names(self, spark: SparkSession, name: str) -> DataFrame:
        path = self.folder / f"{name}s.parquet"
        names = read_columnar(spark, path, "parquet")
        require_columns(path, names.columns, {name: f"{name}_id", f"{name} name": name})
        return names.select(f"{name}_id", name)


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> InstacartSource:
    """Return the source for a folder."""
    parse_config(NoOptions, options, where="source instacart")
    return InstacartSource(folder=require_folder("instacart", data))
