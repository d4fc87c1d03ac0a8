"""From raw rows to typed ones: each keeps the first rule that it breaks, and nothing is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue import Between, OneOf, find_table
from spark_jobs import cleaning as clean

RULE, DETAIL, ROW, POSITION = "_rule", "_detail", "_row", "_position"
PROBLEM = "_problem"
DETAIL_CHARS = 200
EDGE_SIGN = "|"
"""Stands between the parts of an edge's name in the holdout, so no item id may hold it."""
EPOCH = "1970-01-01 00:00:00"
"""``known_at`` of rows whose source has no times."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row breaks ``rule`` where ``broken`` holds of its typed and raw values; ``column`` names the raw value to blame."""

    rule: str
    broken: Column
    column: str


def raw_column(raw: DataFrame, name: str, kind: str = "string") -> Column:
    """Return a raw column, or nulls where the source lacks it."""
    return F.col(name) if name in raw.columns else F.lit(None).cast(kind)


def parse_items(raw: DataFrame) -> DataFrame:
    """Return typed items. A price that is markup is no price; one that is negative or no number is refused."""
    raw = _decoded(raw, ("title", "description", "brand", "category", "attributes"))
    price = raw_column(raw, "price")
    typed = _typed(
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
        *_id_checks("item_id"),
        *_price_checks("items"),
        Check("available_unreadable", F.col("available").isNull(), "available"),
        Check("time_unreadable", F.col("known_at").isNull(), "known_at"),
    ]
    return _checked(typed, checks)


def parse_events(raw: DataFrame, hash_key: str) -> DataFrame:
    """Return typed events. Users, baskets and sessions are known by a keyed hash only: a basket's id often holds its user's."""
    user, basket, item = (clean.clean_id(raw_column(raw, name)) for name in ("user_id", "basket_id", "item_id"))
    kind = F.lower(F.trim(raw_column(raw, "kind"))) if "kind" in raw.columns else F.lit("purchase")
    cancelled = clean.parse_flag(F.coalesce(clean.clean_id(raw_column(raw, "cancelled")), F.lit("no")))
    quantity = F.coalesce(clean.clean_id(raw_column(raw, "quantity")), F.lit("1")).try_cast("double")
    time, price = raw_column(raw, "happened_at"), raw_column(raw, "price")
    identity = F.to_json(F.struct(kind, basket, user, item, time, raw_column(raw, "quantity"), price))
    typed = _typed(
        _hide_users(raw, user, hash_key),
        event_id=F.coalesce(clean.clean_id(raw_column(raw, "event_id")), clean.keyed_hash(identity, hash_key)),
        basket_id=clean.keyed_hash(basket, hash_key),
        user_id=clean.keyed_hash(user, hash_key),
        item_id=item,
        kind=kind,
        quantity=F.when(cancelled, 0).otherwise(F.when(quantity % 1 == 0, quantity.try_cast("int"))),
        price=clean.parse_price(price),
        happened_at=clean.parse_time(time),
        recorded_at=clean.parse_time(raw_column(raw, "recorded_at")),
        cancelled=cancelled,
    )
    checks = [
        *_id_checks("item_id"),
        Check("basket_empty", F.col("basket_id").isNull(), "basket_id"),
        Check("kind_unknown", F.col("kind").isNull() | ~F.col("kind").isin(*_values("events", "kind")), "kind"),
        Check("cancelled_unreadable", F.col("cancelled").isNull(), "cancelled"),
        Check("quantity_unreadable", F.col("quantity").isNull(), "quantity"),
        Check("quantity_out_of_range", ~_within("events", "quantity") | ((F.col("quantity") == 0) & ~F.col("cancelled")), "quantity"),
        *_price_checks("events"),
        *(Check("time_unreadable", _told(column) & F.col(column).isNull(), column) for column in ("happened_at", "recorded_at")),
    ]
    return _checked(typed, checks).drop("cancelled")


def parse_bundles(raw: DataFrame, hash_key: str) -> DataFrame:
    """Return typed bundles. A group's id is hashed as a basket's is, so that a bundle and its session still meet."""
    raw = _decoded(raw, ("title",))
    bundle, item, group = (clean.clean_id(raw_column(raw, name)) for name in ("bundle_id", "item_id", "group_id"))
    typed = _typed(
        raw,
        bundle_id=bundle,
        item_id=item,
        group_id=clean.keyed_hash(F.coalesce(group, bundle), hash_key),
        title=clean.clean_text(raw_column(raw, "title")),
        origin=F.coalesce(F.lower(clean.clean_id(raw_column(raw, "origin"))), F.lit("curated")),
        known_at=_known_at(raw),
    )
    checks = [
        *_id_checks("bundle_id", "item_id"),
        Check("origin_unknown", ~F.col("origin").isin(*_values("bundles", "origin")), "origin"),
        Check("time_unreadable", F.col("known_at").isNull(), "known_at"),
    ]
    return _checked(typed, checks)


def parse_declared_relations(raw: DataFrame, source: str) -> DataFrame:
    """Return typed edges that the source declares."""
    ids = {name: clean.clean_id(raw_column(raw, name)) for name in ("kind", "src", "dst")}
    checks = [
        *_id_checks("src", "dst"),
        Check("kind_unknown", F.col("kind").isNull() | ~F.col("kind").isin(*_values("declared_relations", "kind")), "kind"),
        Check("edge_to_itself", F.col("src") == F.col("dst"), "dst"),
    ]
    return _checked(_typed(raw, **ids, source=F.lit(source)), checks)


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


def _typed(raw: DataFrame, **values: Column) -> DataFrame:
    """Select the typed columns, each raw text beside its own under ``_raw_``, the row as it came, and its position in the source.

    Checks come in a second step: one that read the raw text again would parse it again.
    """
    typed = [value.alias(name) for name, value in values.items()]
    texts = [raw_column(raw, name).cast("string").alias(f"_raw_{name}") for name in values]
    problem = raw_column(raw, PROBLEM).alias(PROBLEM)
    return raw.select(*typed, *texts, problem, F.col(ROW), F.monotonically_increasing_id().alias(POSITION))


def _checked(typed: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """Return the typed columns with the first rule that each row breaks, and the value to blame."""
    names = [name for name in typed.columns if not name.startswith("_")]
    whole = F.when(F.col(PROBLEM).isNotNull(), _verdict(F.col(PROBLEM), F.lit("the row as a whole")))
    broken = [F.when(check.broken, _verdict(F.lit(check.rule), _blame(check.column))) for check in checks]
    judged = typed.withColumn("_broken", F.coalesce(whole, *broken))
    return judged.select(*names, F.col("_broken.rule").alias(RULE), F.col("_broken.detail").alias(DETAIL), ROW, POSITION)


def _verdict(rule: Column, detail: Column) -> Column:
    return F.struct(rule.alias("rule"), detail.alias("detail"))


def _blame(column: str) -> Column:
    return F.concat(F.lit(f"{column}="), F.coalesce(F.substring(f"_raw_{column}", 1, DETAIL_CHARS), F.lit("null")))


def _told(column: str) -> Column:
    return clean.clean_id(F.col(f"_raw_{column}")).isNotNull()


def _id_checks(*columns: str) -> list[Check]:
    empty = [Check("id_empty", F.col(column).isNull(), column) for column in columns]
    return empty + [Check("id_reserved_sign", F.col(column).contains(EDGE_SIGN), column) for column in columns]


def _price_checks(table: str) -> list[Check]:
    return [
        Check("price_unreadable", clean.says_price(F.col("_raw_price")) & F.col("price").isNull(), "price"),
        Check("price_negative", F.col("price") < 0, "price"),
        Check("price_out_of_range", ~_within(table, "price"), "price"),
    ]


def _known_at(raw: DataFrame) -> Column:
    """Return when a row became known: the epoch where the source does not say, null where what it says is no time."""
    text = raw_column(raw, "known_at")
    return F.when(clean.clean_id(text).isNull(), F.lit(EPOCH).cast("timestamp")).otherwise(clean.parse_time(text))


def _within(table: str, column: str) -> Column:
    """Return whether a typed value lies in the catalogue's range; null passes."""
    rule = next(r for r in find_table(table).rules if isinstance(r, Between) and r.column == column)
    return F.coalesce(F.col(column).between(F.lit(rule.low), F.lit(rule.high)), F.lit(True))


def _values(table: str, column: str) -> tuple[str, ...]:
    return next(r.values for r in find_table(table).rules if isinstance(r, OneOf) and r.column == column)


def _decoded(raw: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Decode the entities of some columns; rows keep their order, so positions still mean something."""
    texts = [name for name in columns if name in raw.columns]
    return clean.decode_entities(raw, texts) if texts else raw


def _hide_users(raw: DataFrame, user: Column, hash_key: str) -> DataFrame:
    """Put the hash in the place of the user's id in the text of the row, by its key and, for long ids, wherever it stands."""
    hashed = clean.keyed_hash(user, hash_key)
    by_key = F.regexp_replace(F.col(ROW), F.lit(r'"user_id"\s*:\s*("(?:[^"\\]|\\.)*"|[^",}\s]+)'), F.concat(F.lit('"user_id":"'), hashed, F.lit('"')))
    anywhere = F.when(F.length(user) >= 8, F.replace(by_key, user, hashed)).otherwise(by_key)
    return raw.withColumn(ROW, F.when(user.isNotNull(), anywhere).otherwise(F.col(ROW)))
