"""Pictures of items that lie as files in a folder, read on the executors."""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


def read_folder(spark: SparkSession, folder: Path, items: DataFrame) -> DataFrame:
    """Return the picture that each item's ``image`` names, a path below the folder; null content where there is no such file.

    Spark lists no empty files, so one of those counts as missing. Only listed files are matched: a name cannot lead out of the
    folder. The bytes are joined to a broadcast list of names and never shuffled.
    """
    named = items.where(F.length("image") > 0).select("item_id", F.col("image").alias("reference")).distinct()
    root = f"file:{folder.resolve()}/"
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(folder))
    files = files.select(F.substring(F.col("path"), len(root) + 1, 4096).alias("reference"), "content")
    found = files.join(F.broadcast(named), on="reference", how="inner").select("item_id", "reference", "content")
    missing = named.join(files.select("reference"), on="reference", how="left_anti")
    return found.unionByName(missing.select("item_id", "reference", F.lit(None).cast("binary").alias("content")))
