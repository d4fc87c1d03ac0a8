"""What an increment looks at again: the baskets and users that changed between two versions, as they were and as they are.

What a changed basket or user added to any count is taken back whole, and what it adds now is counted anew; nothing else is touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.profile import Profile
from spark_jobs.held import mark_held
from spark_jobs.pairs.entries import Scope
from spark_jobs.sending import send_few
from spark_jobs.standing import standing_events

Range = tuple[int, int]
"""The version that was counted last, and the one that is wanted."""

READ = ("basket_id", "user_id", "item_id", "kind", "quantity", "happened_at")
"""The columns of events that counting reads."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Events and holdout as they stood at a pair of versions."""

    events: DataFrame
    holdout: DataFrame

    def of_baskets(self, baskets: DataFrame) -> "Moment":
        """Return the events of some baskets, held in Spark's cache."""
        return Moment(self.events.join(baskets, on="basket_id", how="left_semi").select(*READ).persist(), self.holdout)

    def marked(self, numbers: DataFrame) -> DataFrame:
        """Return what stands, with ``held`` and the items' numbers."""
        held = mark_held(standing_events(self.events), self.holdout, ("item_id",), "basket_id")
        return held.join(numbers, on="item_id", how="inner")


@dataclass(frozen=True, slots=True)
class Changes:
    """All events of the changed baskets, and of all baskets of the changed users where there are any, before and after."""

    old: Mapping[Scope, Moment]
    new: Mapping[Scope, Moment]
    users: DataFrame
    cached: Sequence[DataFrame]

    def keep_users(self, events: DataFrame, scope: Scope) -> DataFrame:
        """Leave the changed users' events only, in the scope of users: a basket may be another one's too."""
        return events.join(self.users, on="user_id", how="left_semi") if scope == "users" else events

    def release(self) -> None:
        """Let go of what is held in Spark's cache."""
        for frame in (*self.cached, *(moment.events for side in (self.old, self.new) for moment in side.values())):
            frame.unpersist()


def find_changes(spark: SparkSession, profile: Profile, events: Range, holdout: Range, old: Moment, new: Moment) -> Changes:
    """Return what changed from one version of both tables to another; whoever calls it calls ``release`` in the end."""
    cached: list[DataFrame] = []
    feeds = _read_feed(spark, profile, "events", events), _read_feed(spark, profile, "holdout", holdout)
    baskets = _sent(_find_baskets(*feeds, old, new), cached)
    before: dict[Scope, Moment] = {"baskets": old.of_baskets(baskets)}
    after: dict[Scope, Moment] = {"baskets": new.of_baskets(baskets)}
    users = _sent(_find_users(before["baskets"], after["baskets"]), cached)
    if not users.isEmpty():
        before["users"], after["users"] = (moment.of_baskets(_sent(_baskets_of(moment, users), cached)) for moment in (old, new))
    return Changes(before, after, users, cached)


def _sent(ids: DataFrame, cached: list[DataFrame]) -> DataFrame:
    """Return ids, held in Spark's cache, that every task is sent while they are few: all events are not brought together for them."""
    cached.append(ids.persist())
    return send_few(ids, ids.count())


def _baskets_of(moment: Moment, users: DataFrame) -> DataFrame:
    return moment.events.join(users, on="user_id", how="left_semi").select("basket_id").distinct()


def _read_feed(spark: SparkSession, profile: Profile, name: str, versions: Range) -> DataFrame | None:
    """Return every row that a table gained or lost between two versions, as its change feed has it; None where they are one."""
    after, until = versions
    if after == until:
        return None
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", after + 1).option("endingVersion", until)
    return feed.load(lake.table_uri(profile, name))


def _find_baskets(events: DataFrame | None, holdout: DataFrame | None, old: Moment, new: Moment) -> DataFrame:
    """Return the ids of baskets of which an event changed, or that the holdout treats differently, itself or an item in it."""
    found = [] if events is None else [events.select("basket_id")]
    if holdout is not None:
        found.append(holdout.where(F.col("kind") == "basket").select(F.col("id").alias("basket_id")))
        items = holdout.where(F.col("kind") == "item").select(F.col("id").alias("item_id"))
        found += [moment.events.join(items, on="item_id", how="left_semi").select("basket_id") for moment in (old, new)]
    return reduce(DataFrame.unionByName, found).distinct()


def _find_users(old: Moment, new: Moment) -> DataFrame:
    """Return the users who have a basket in either."""
    users = old.events.select("user_id").unionByName(new.events.select("user_id"))
    return users.where(F.col("user_id").isNotNull()).distinct()
