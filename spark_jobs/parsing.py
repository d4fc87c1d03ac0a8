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
EPOCH = "1970-01-01 00:00:00"
"""``known_at`` of rows whose source has no times."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row breaks ``rule`` where ``broken`` holds; ``column`` names the raw value to blame."""

    rule: str
    broken: Column
    column: str


def raw_column(raw: DataFrame, name: str, kind: str = "string") -> Column:
    """Return a raw column, or nulls where the source lacks it."""
    return F.col(name) if name in raw.columns else F.lit(None).cast(kind)


def parse_items(raw: DataFrame) -> DataFrame:
    """Return typed items. A price that is markup is no price; one that is negative or no number is refused."""
    raw = _decoded(raw, ("title", "description", "brand", "category", "attributes"))
    price, available = raw_column(raw, "price"), raw_column(raw, "available")
    checks = [
        Check("id_empty", clean.clean_id(raw_column(raw, "item_id")).isNull(), "item_id"),
        *_price_checks(raw, "items"),
        Check("available_unreadable", clean.clean_id(available).isNotNull() & clean.parse_flag(available).isNull(), "available"),
        *_time_checks(raw, "known_at"),
    ]
    return _typed(
        raw,
        checks,
        item_id=clean.clean_id(raw_column(raw, "item_id")),
        title=clean.clean_text(raw_column(raw, "title")),
        description=clean.clean_text(raw_column(raw, "description")),
        brand=clean.clean_text(raw_column(raw, "brand")),
        category=clean.clean_texts(raw_column(raw, "category", "array<string>")),
        attributes=clean.clean_attributes(raw_column(raw, "attributes", "array<struct<name:string,value:string>>")),
        price=clean.parse_price(price),
        currency=F.when(clean.parse_price(price).isNotNull(), clean.parse_currency(price, raw_column(raw, "currency"))),
        available=F.coalesce(clean.parse_flag(available), F.lit(True)),
        variant_of=clean.clean_id(raw_column(raw, "variant_of")),
        known_at=_known_at(raw),
    )


def parse_events(raw: DataFrame, hash_key: str) -> DataFrame:
    """Return typed events. Users, baskets and sessions are known by a keyed hash only: a basket's id often holds its user's."""
    user, basket, item = (clean.clean_id(raw_column(raw, name)) for name in ("user_id", "basket_id", "item_id"))
    kind = F.lower(F.trim(raw_column(raw, "kind"))) if "kind" in raw.columns else F.lit("purchase")
    quantity, time = F.coalesce(clean.clean_id(raw_column(raw, "quantity")), F.lit("1")), raw_column(raw, "happened_at")
    identity = F.to_json(F.struct(kind, basket, user, item, time, quantity, raw_column(raw, "price")))
    checks = [
        Check("id_empty", item.isNull(), "item_id"),
        Check("basket_empty", basket.isNull(), "basket_id"),
        Check("kind_unknown", kind.isNull() | ~kind.isin(*_values("events", "kind")), "kind"),
        Check("quantity_unreadable", quantity.try_cast("double").isNull() | (quantity.try_cast("double") % 1 != 0), "quantity"),
        Check("quantity_out_of_range", ~_within("events", "quantity", quantity.try_cast("double")), "quantity"),
        *_price_checks(raw, "events"),
        *_time_checks(raw, "happened_at"),
    ]
    return _typed(
        _hide_users(raw, user, hash_key),
        checks,
        event_id=F.coalesce(clean.clean_id(raw_column(raw, "event_id")), clean.keyed_hash(identity, hash_key)),
        basket_id=clean.keyed_hash(basket, hash_key),
        user_id=clean.keyed_hash(user, hash_key),
        item_id=item,
        kind=kind,
        quantity=quantity.try_cast("double").try_cast("int"),
        price=clean.parse_price(raw_column(raw, "price")),
        happened_at=clean.parse_time(time),
    )


def parse_bundles(raw: DataFrame, hash_key: str) -> DataFrame:
    """Return typed bundles. A group's id is hashed as a basket's is, so that a bundle and its session still meet."""
    raw = _decoded(raw, ("title",))
    bundle, item = (clean.clean_id(raw_column(raw, name)) for name in ("bundle_id", "item_id"))
    group = F.coalesce(clean.clean_id(raw_column(raw, "group_id")), bundle)
    origin = F.coalesce(F.lower(clean.clean_id(raw_column(raw, "origin"))), F.lit("curated"))
    checks = [
        Check("id_empty", bundle.isNull(), "bundle_id"),
        Check("id_empty", item.isNull(), "item_id"),
        Check("origin_unknown", ~origin.isin(*_values("bundles", "origin")), "origin"),
        *_time_checks(raw, "known_at"),
    ]
    values = {"bundle_id": bundle, "item_id": item, "group_id": clean.keyed_hash(group, hash_key), "origin": origin}
    return _typed(raw, checks, **values, title=clean.clean_text(raw_column(raw, "title")), known_at=_known_at(raw))


def parse_declared_relations(raw: DataFrame, source: str) -> DataFrame:
    """Return typed edges that the source declares."""
    kind, src, dst = (clean.clean_id(raw_column(raw, name)) for name in ("kind", "src", "dst"))
    checks = [
        Check("id_empty", src.isNull(), "src"),
        Check("id_empty", dst.isNull(), "dst"),
        Check("kind_unknown", kind.isNull() | ~kind.isin(*_values("declared_relations", "kind")), "kind"),
        Check("edge_to_itself", src == dst, "dst"),
    ]
    return _typed(raw, checks, kind=kind, src=src, dst=dst, source=F.lit(source))


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


def _typed(raw: DataFrame, checks: Sequence[Check], **values: Column) -> DataFrame:
    """Select the typed columns, the first broken rule with its detail, the row as it came, and its position in the source."""
    problem = raw_column(raw, PROBLEM)
    rule, detail = problem, F.when(problem.isNotNull(), F.lit("the row as a whole"))
    for check in checks:
        rule = F.coalesce(rule, F.when(check.broken, F.lit(check.rule)))
        told = F.concat(F.lit(f"{check.column}="), F.coalesce(F.substring(raw_column(raw, check.column), 1, DETAIL_CHARS), F.lit("null")))
        detail = F.coalesce(detail, F.when(check.broken, told))
    typed = [value.alias(name) for name, value in values.items()]
    own = [rule.alias(RULE), detail.alias(DETAIL), F.col(ROW), F.monotonically_increasing_id().alias(POSITION)]
    return raw.select(*typed, *own)


def _price_checks(raw: DataFrame, table: str) -> list[Check]:
    text = raw_column(raw, "price")
    price = clean.parse_price(text)
    return [
        Check("price_unreadable", clean.says_price(text) & price.isNull(), "price"),
        Check("price_negative", price < 0, "price"),
        Check("price_out_of_range", ~_within(table, "price", price), "price"),
    ]


def _time_checks(raw: DataFrame, column: str) -> list[Check]:
    text = raw_column(raw, column)
    return [Check("time_unreadable", clean.clean_id(text).isNotNull() & clean.parse_time(text).isNull(), column)]


def _known_at(raw: DataFrame) -> Column:
    return F.coalesce(clean.parse_time(raw_column(raw, "known_at")), F.lit(EPOCH).cast("timestamp"))


def _within(table: str, column: str, value: Column) -> Column:
    """Return whether a value lies in the catalogue's range; null passes."""
    rule = next(r for r in find_table(table).rules if isinstance(r, Between) and r.column == column)
    return F.coalesce(value.between(F.lit(rule.low), F.lit(rule.high)), F.lit(True))


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
