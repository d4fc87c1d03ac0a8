"""Source ``gatne``: training edges of two unnamed relation types between items known by id only.

The published validation and test edges are for whoever evaluates; they stand in no table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from goeswith.config import parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import LACKS, PROBLEM, ROW, ROW_INCOMPLETE, RawTables, require_file, require_folder
from spark_jobs.sources.options import NoOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class GatneSource:
    """The folder that holds train.txt: lines of 'type u v'."""

    folder: Path
    name: str = "gatne"
    lacks: tuple[str, ...] = LACKS

    def read(self, spark: SparkSession) -> RawTables:
        """Return the edges as declared, and the items that they name."""
        lines = spark.read.text(str(require_file(self.folder / "train.txt"))).where(F.trim("value") != "")
        parts = F.split(F.trim("value"), r"\s+")
        named = [F.concat(F.lit("type_"), F.get(parts, 0)).alias("kind"), F.get(parts, 1).alias("src"), F.get(parts, 2).alias("dst")]
        row = F.to_json(F.struct(F.col("value").alias("line"))).alias(ROW)
        edges = lines.select(*named, row, F.when(F.size(parts) != 3, ROW_INCOMPLETE).alias(PROBLEM))
        ids = edges.where(F.col(PROBLEM).isNull()).select(F.explode(F.array("src", "dst")).alias("item_id")).distinct()
        items = ids.select("item_id", F.to_json(F.struct("item_id")).alias(ROW), F.lit(None).cast("string").alias(PROBLEM))
        return RawTables(items=items, declared_relations=edges)


def build(_profile: Profile, data: Path | None, options: Mapping[str, Any]) -> GatneSource:
    """Return the source for a folder."""
    parse_config(NoOptions, options, where="source gatne")
    return GatneSource(folder=require_folder("gatne", data))
