"""Items whose titles say nearly the same: equal sets of words, or sets that share nine tenths of them (Jaccard).

Two sets are that near where one has a word more and nine or more are common, or where each has a word of its own and eighteen or
more are common. So each set leaves a signature of itself and one of itself less each of its words, and near sets share a signature.
Nothing is compared with everything: the work grows with the words of the titles, a title that thousands share is one set, and no
pairs are formed (``MinHashLSH`` of Spark ML would form all pairs of a bucket). For titles of up to nineteen words that is exact;
longer ones may be that near in other ways (two words more on one side), which are not found.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

COMMON_ONE_EXTRA, COMMON_TWO_EXTRA = 9, 18
"""Words in common from which 9/10 (one word more on one side) and 18/20 (one more on each) reach a Jaccard of .9."""
MAX_WORDS = 60
"""Longer titles are compared for equality only: so many signatures would say little."""
ROUNDS = 8
"""How many steps a chain of near titles may have before it falls into several groups."""
NO_WORD = r"[^\p{L}\p{N}]+"


def find_same_titles(items: DataFrame) -> DataFrame:
    """Return item_id and same_title_as, the smallest item_id of its group, for the items (item_id, title) that are in a group."""
    titled = items.select("item_id", _words(F.col("title")).alias("words")).where(F.size("words") > 0)
    keyed = titled.select("item_id", "words", F.xxhash64("words").alias("key"))
    sets = keyed.groupBy("key").agg(F.min("item_id").alias("label"), F.count(F.lit(1)).alias("n"), F.first("words").alias("words"))
    sets = sets.localCheckpoint()
    near = _label_near(sets, _find_links(sets))
    alike = sets.join(near, on="key", how="left").where((F.col("n") > 1) | F.col("near").isNotNull())
    labels = alike.select("key", F.coalesce("near", "label").alias("same_title_as"))
    return keyed.join(labels, on="key", how="inner").select("item_id", "same_title_as")


def _words(title: Column) -> Column:
    """Return the distinct words of a title in order: letters and digits, whatever their case."""
    words = F.filter(F.split(F.lower(title), NO_WORD), lambda word: word != "")
    return F.array_sort(F.array_distinct(words))


def _find_links(sets: DataFrame) -> DataFrame:
    """Return (key, signature) of the sets that are near another one by that signature."""
    size = F.size("words")
    long = sets.where(size.between(COMMON_ONE_EXTRA, MAX_WORDS)).select("key", "words", size.alias("size"))
    less_one = F.when(F.col("size") > COMMON_ONE_EXTRA, F.transform("words", lambda word: F.xxhash64(F.array_remove("words", word))))
    signed = long.select("key", "size", F.explode(F.concat(F.array("key"), F.coalesce(less_one, F.array().cast("array<bigint>")))).alias("signature"))
    whole = F.col("key") == F.col("signature")
    members = signed.select("key", "signature", whole.alias("whole"), (F.col("size") - F.when(whole, 0).otherwise(1)).alias("common"))
    groups = members.groupBy("signature").agg(F.count(F.lit(1)).alias("n"), F.bool_or("whole").alias("whole"), F.min("common").alias("common"))
    linking = groups.where((F.col("n") > 1) & (F.col("whole") | (F.col("common") >= COMMON_TWO_EXTRA)))
    return members.join(linking.select("signature"), on="signature", how="left_semi").select("key", "signature").localCheckpoint()


def _label_near(sets: DataFrame, links: DataFrame) -> DataFrame:
    """Return key and near, the smallest label that links lead to: each round every set takes the smallest of its signatures' sets."""
    labels = links.select("key").distinct().join(sets.select("key", F.col("label").alias("near")), on="key", how="inner")
    if links.isEmpty():
        return labels
    for _ in range(ROUNDS):
        least = links.join(labels, on="key", how="inner").groupBy("signature").agg(F.min("near").alias("near"))
        new = links.join(least, on="signature", how="inner").groupBy("key").agg(F.min("near").alias("near")).localCheckpoint()
        if new.join(labels, on=["key", "near"], how="left_anti").isEmpty():
            break
        labels = new
    return labels
