"""Items as the table holds them: the kept rows with their pictures, and what other item's title says the same."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.same_titles import find_same_titles

FILLED_IN = ("image", "same_title_as", "updated_at")
"""Columns of items that no row of a source says."""


def complete_items(items: DataFrame, pictures: DataFrame | None) -> DataFrame:
    """Return all items of a shop with the references of their stored pictures and the groups of their titles, null where there is none."""
    images = items if pictures is None else items.join(pictures.select("item_id", "image"), on="item_id", how="left")
    return images.join(find_same_titles(items), on="item_id", how="left")


def change_items(items: DataFrame, pictures: DataFrame | None, held: DataFrame) -> DataFrame:
    """Return the rows of the lake's items (``held``) that change as ``items`` and ``pictures`` come, and those that are new.

    An item without a new picture keeps the one that it has. Titles are compared anew over the whole shop, in time that grows with
    it and no faster: a new title may join a group of old ones.
    """
    before = held.select("item_id", "image", F.col("same_title_as").alias("_before"))
    came = items.join(before, on="item_id", how="left").withColumn("_new", F.lit(True))
    rest = held.withColumnsRenamed({"same_title_as": "_before"}).join(items.select("item_id"), on="item_id", how="left_anti")
    whole = came.unionByName(rest.drop("updated_at").withColumn("_new", F.lit(False)))
    images = (held if pictures is None else pictures).select("item_id", F.col("image").alias("_image"))
    pictured = whole.join(images, on="item_id", how="left").join(find_same_titles(whole), on="item_id", how="left")
    image = F.coalesce("_image", "image")
    changed = F.col("_new") | ~F.col("image").eqNullSafe(image) | ~F.col("_before").eqNullSafe(F.col("same_title_as"))
    return pictured.where(changed).withColumn("image", image).drop("_new", "_before", "_image")
