"""From raw rows to typed ones: each keeps the first rule that it breaks, and nothing is dropped."""

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs import cleaning as clean
from spark_jobs.row_checks import (
    DETAIL,
    DETAIL_CHARS,
    ROW,
    RULE,
    Check,
    check_rows,
    id_checks,
    is_allowed,
    is_within,
    price_checks,
    raw_column,
    says,
    type_rows,
)

EPOCH = "1970-01-01 00:00:00"
"""``known_at`` of rows whose source has no times."""
Hide = Callable[[Column], Column]
"""Turns an id into its keyed hash."""


def parse_items(raw: DataFrame) -> DataFrame:
    """Return typed items. A price that is markup is no price; one that is negative or no number is refused."""
    raw = _decoded(raw, ("title", "description", "brand", "category", "attributes"))
    price = raw_column(raw, "price")
    typed = type_rows(
        raw,
        item_id=clean.clean_id(raw_column(raw, "item_id")),
        title=clean.clean_text(raw_column(raw, "title")),
        description=clean.clean_text(raw_column(raw, "description")),
        brand=clean.clean_text(raw_column(raw, "brand")),
        category=clean.clean_texts(raw_column(raw, "category", "array<string>")),
        attributes=clean.clean_attributes(raw_column(raw, "attributes", "array<struct<name:string,value:string>>")),
        price=clean.parse_price(price),
        currency=F.when(clean.says_price(price), clean.parse_currency(price, raw_column(raw, "currency"))),
        available=F.when(clean.clean_id(raw_column(raw, "available")).isNull(), True).otherwise(clean.parse_flag(raw_column(raw, "available"))),
        variant_of=clean.clean_id(raw_column(raw, "variant_of")),
        known_at=_known_at(raw),
    )
    checks = [
        *id_checks("item_id"),
        *price_checks("items"),
        Check("available_unreadable", F.col("available").isNull(), "available"),
        Check("time_unreadable", F.col("known_at").isNull(), "known_at"),
    ]
    return check_rows(typed, checks)


def parse_events(raw: DataFrame, hide: Hide) -> DataFrame:
    """Return typed events. Users, baskets and sessions are known by a keyed hash only: a basket's id often holds its user's."""
    raw = raw if "kind" in raw.columns else raw.withColumn("kind", F.lit("purchase"))
    user, basket, item = (clean.clean_id(raw_column(raw, name)) for name in ("user_id", "basket_id", "item_id"))
    kind = F.lower(F.trim("kind"))
    cancelled = clean.parse_flag(F.coalesce(clean.clean_id(raw_column(raw, "cancelled")), F.lit("no")))
    quantity = F.coalesce(clean.clean_id(raw_column(raw, "quantity")), F.lit("1")).try_cast("double")
    time, price = raw_column(raw, "happened_at"), raw_column(raw, "price")
    identity = F.to_json(F.struct(kind, basket, user, item, time, raw_column(raw, "quantity"), price))
    typed = type_rows(
        _hide_users(raw, user, hide),
        event_id=F.coalesce(clean.clean_id(raw_column(raw, "event_id")), hide(identity)),
        basket_id=hide(basket),
        user_id=hide(user),
        item_id=item,
        kind=kind,
        quantity=F.when(cancelled, 0).otherwise(F.when(quantity % 1 == 0, quantity.try_cast("int"))),
        price=clean.parse_price(price),
        happened_at=clean.parse_time(time),
        recorded_at=clean.parse_time(raw_column(raw, "recorded_at")),
        cancelled=cancelled,
    )
    checks = [
        *id_checks("item_id"),
        Check("basket_empty", F.col("basket_id").isNull(), "basket_id"),
        Check("kind_unknown", ~is_allowed("events", "kind"), "kind"),
        Check("cancelled_unreadable", F.col("cancelled").isNull(), "cancelled"),
        Check("quantity_unreadable", F.col("quantity").isNull(), "quantity"),
        Check("quantity_out_of_range", ~is_within("events", "quantity") | ((F.col("quantity") == 0) & ~F.col("cancelled")), "quantity"),
        *price_checks("events"),
        *(Check("time_unreadable", says(column) & F.col(column).isNull(), column) for column in ("happened_at", "recorded_at")),
    ]
    return check_rows(typed, checks).drop("cancelled")


def parse_bundles(raw: DataFrame, hide: Hide) -> DataFrame:
    """Return typed bundles. A group's id is hashed as a basket's is, so that a bundle and its session still meet."""
    raw = _decoded(raw, ("title",))
    bundle, item, group = (clean.clean_id(raw_column(raw, name)) for name in ("bundle_id", "item_id", "group_id"))
    typed = type_rows(
        raw,
        bundle_id=bundle,
        item_id=item,
        group_id=hide(F.coalesce(group, bundle)),
        title=clean.clean_text(raw_column(raw, "title")),
        origin=F.coalesce(F.lower(clean.clean_id(raw_column(raw, "origin"))), F.lit("curated")),
        known_at=_known_at(raw),
    )
    checks = [
        *id_checks("bundle_id", "item_id"),
        Check("origin_unknown", ~is_allowed("bundles", "origin"), "origin"),
        Check("time_unreadable", F.col("known_at").isNull(), "known_at"),
    ]
    return check_rows(typed, checks)


def parse_declared_relations(raw: DataFrame, source: Column) -> DataFrame:
    """Return typed edges that ``source`` declares."""
    ids = {name: clean.clean_id(raw_column(raw, name)) for name in ("kind", "src", "dst")}
    checks = [
        *id_checks("src", "dst"),
        Check("kind_unknown", ~is_allowed("declared_relations", "kind"), "kind"),
        Check("edge_to_itself", F.col("src") == F.col("dst"), "dst"),
    ]
    return check_rows(type_rows(raw, **ids, source=source), checks)


def mark_unknown_items(parsed: DataFrame, columns: Sequence[str], items: DataFrame) -> DataFrame:
    """Let rows break ``item_unknown`` where a column names an item that was not kept."""
    for column in columns:
        known = items.select(F.col("item_id").alias("_known"))
        joined = parsed.join(known, F.col(column) == F.col("_known"), how="left")
        unknown = F.col(RULE).isNull() & F.col("_known").isNull()
        blamed = F.when(unknown, F.concat(F.lit(f"{column}="), F.substring(column, 1, DETAIL_CHARS))).otherwise(F.col(DETAIL))
        rule = F.when(unknown, F.lit("item_unknown")).otherwise(F.col(RULE))
        parsed = joined.withColumns({RULE: rule, DETAIL: blamed}).drop("_known")
    return parsed


def _known_at(raw: DataFrame) -> Column:
    """Return when a row became known: the epoch where the source does not say, null where what it says is no time."""
    text = raw_column(raw, "known_at")
    return F.when(clean.clean_id(text).isNull(), F.lit(EPOCH).cast("timestamp")).otherwise(clean.parse_time(text))


def _decoded(raw: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Decode the entities of some columns; rows keep their order, so positions still mean something."""
    texts = [name for name in columns if name in raw.columns]
    return clean.decode_entities(raw, texts) if texts else raw


def _hide_users(raw: DataFrame, user: Column, hide: Hide) -> DataFrame:
    """Put the hash in the place of the user's id in the text of the row, by its key and, for long ids, wherever it stands."""
    hashed = hide(user)
    by_key = F.regexp_replace(F.col(ROW), F.lit(r'"user_id"\s*:\s*("(?:[^"\\]|\\.)*"|[^",}\s]+)'), F.concat(F.lit('"user_id":"'), hashed, F.lit('"')))
    anywhere = F.when(F.length(user) >= 8, F.replace(by_key, user, hashed)).otherwise(by_key)
    return raw.withColumn(ROW, F.when(user.isNotNull(), anywhere).otherwise(F.col(ROW)))
