"""Columns that turn text as it came into clean values; null where there is nothing in it."""

import hashlib
import html
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from goeswith.feedback import HASH_MARK

TAG = r"(?is)<(script|style)\b.*?(</\1\s*>|$)|<[a-z/!][^<>]*>|<(span|div|script|style|a|p|br|img|b|i|ul|li|table|td|tr)\b[^>]*$"
"""Markup: script and style with all they hold, whole tags, and a tag that is cut at the end of the text."""

SPACE = r"[\s\u00a0\u200b]+"
GAPS = "' \u2019\u00a0\u202f"
"""What stands between thousands beside points and commas: apostrophes and blanks, the typographic ones too."""
NUMBER = rf"-?[0-9]+(?:[.,{GAPS}][0-9]{{3}})*(?:[.,][0-9]+)?"
DECIMAL_COMMA = r"^-?[0-9.]*,([0-9]{1,2}|[0-9]{4,})$"
POINTED_THOUSANDS = r"^-?[1-9][0-9]{0,2}(\.[0-9]{3}){2,}$"
POINTED_THOUSAND = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
WRITES_POINTED_THOUSANDS = r"€|EUR|kr|R\$"
"""Money of countries that write 1299 as '1.299'; elsewhere that is a number with three decimals."""
SIGNS = {
    **{"US$": "USD", "HK$": "HKD", "NZ$": "NZD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "S$": "SGD", "R$": "BRL", "MX$": "MXN"},
    **{"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "\uffe5": "JPY", "₹": "INR", "Rs": "INR", "₩": "KRW", "₺": "TRY", "zł": "PLN", "Kč": "CZK"},
}
"""Signs, those that others are a part of first. 'kr' is money of three countries, so it says no currency."""
CODES = r"\b(USD|EUR|GBP|JPY|CNY|INR|CHF|SEK|NOK|DKK|PLN|CZK|CAD|AUD|NZD|BRL|MXN|HKD|SGD|KRW|TRY)\b"

EPOCH_SECONDS = r"^[0-9]{9,11}(\.[0-9]+)?$"
EPOCH_MILLISECONDS = r"^[0-9]{12,14}$"
COMPACT_DATE = r"^[0-9]{8}$"

HASH_CHARS = 64
BLOCK_BYTES = 64
"""HMAC's block size for SHA-256 (RFC 2104)."""


def decode_entities(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Decode HTML entities in text columns, in arrays and structs too; '&amp;quot;' unfolds wholly. Rows keep their order."""
    names = frozenset(columns)

    def decode_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            decoded = [decode_array(batch[name]) if name in names else batch[name] for name in batch.schema.names]
            yield pa.RecordBatch.from_arrays(decoded, schema=batch.schema)

    return frame.mapInArrow(decode_batches, frame.schema)


def decode_array(values: pa.Array) -> pa.Array:
    """Return the array with the entities in its texts decoded; one of plain texts is returned as it is."""
    if pa.types.is_string(values.type) and not pc.any(pc.match_substring(values, "&")).as_py():
        return values
    return pa.array([_decode(value) for value in values.to_pylist()], type=values.type)


def _decode(value: Any) -> Any:
    if isinstance(value, str):
        return _decode_text(value)
    if isinstance(value, list):
        return [_decode(part) for part in value]
    if isinstance(value, dict):
        return {key: _decode(part) for key, part in value.items()}
    return value


def _decode_text(text: str) -> str:
    """Decode until nothing changes: sources that export twice encode twice. Each pass shortens the text, so this ends."""
    while "&" in text and (decoded := html.unescape(text)) != text:
        text = decoded
    return text


def clean_id(value: Column) -> Column:
    """Trim an id; empty becomes null."""
    return F.nullif(F.trim(value), F.lit(""))


def clean_text(value: Column) -> Column:
    """Strip markup, fold white space; null where nothing is left. Entities are decoded before (``decode_entities``)."""
    plain = F.regexp_replace(F.regexp_replace(value, TAG, " "), SPACE, " ")
    return F.nullif(F.trim(plain), F.lit(""))


def clean_texts(values: Column) -> Column:
    """Clean each text of an array and leave out the empty ones; null where none is left."""
    cleaned = F.filter(F.transform(values, clean_text), lambda text: text.isNotNull())
    return F.when(F.size(cleaned) > 0, cleaned)


def clean_attributes(values: Column) -> Column:
    """Clean names and values of an array of attributes and leave out the empty ones, sorted by name; null where none is left."""
    cleaned = F.transform(values, lambda a: F.struct(clean_text(a["name"]).alias("name"), clean_text(a["value"]).alias("value")))
    told = F.array_sort(F.filter(cleaned, lambda a: a["name"].isNotNull() & a["value"].isNotNull()))
    return F.when(F.size(told) > 0, told)


def says_price(value: Column) -> Column:
    """Tell whether a price text holds more than white space and markup (a page's style sheet is no price)."""
    return clean_text(value).isNotNull() & ~value.contains("{") & ~F.trim(value).startswith("<")


def parse_price(value: Column) -> Column:
    """Return the price in '$1,234.50', '12,99 €' or '0.0209'; null where there is no such number.

    A range ('£12.99 - £15.99') is no price, nor is a sum in brackets, which book-keepers read as negative.
    """
    number = F.nullif(F.regexp_extract(F.trim(value), rf"^[^0-9(-]{{0,4}}({NUMBER})[^0-9)]{{0,4}}$", 1), F.lit(""))
    grouped = F.regexp_replace(number, rf"[{GAPS}]", "")
    thousands = grouped.rlike(POINTED_THOUSANDS) | (grouped.rlike(POINTED_THOUSAND) & value.rlike(WRITES_POINTED_THOUSANDS))
    no_points = F.translate(grouped, ".", "")
    plain = F.when(grouped.rlike(DECIMAL_COMMA), F.translate(no_points, ",", ".")).when(thousands, no_points).otherwise(F.translate(grouped, ",", ""))
    return F.when(says_price(value), plain.try_cast("double"))


def parse_currency(price: Column, currency: Column) -> Column:
    """Return the declared currency, else the code or the sign that stands in the price text."""
    signs = [F.when(price.contains(sign), F.lit(code)) for sign, code in SIGNS.items()]
    return F.coalesce(clean_id(currency), F.nullif(F.regexp_extract(price, CODES, 1), F.lit("")), *signs)


def parse_time(value: Column) -> Column:
    """Return the moment in ISO text, a compact date, or epoch seconds or milliseconds; null where it is none. UTC unless it says otherwise."""
    text = F.trim(value)
    return (
        F.when(text.rlike(EPOCH_SECONDS), F.timestamp_seconds(text.try_cast("double")))
        .when(text.rlike(EPOCH_MILLISECONDS), F.timestamp_millis(text.try_cast("bigint")))
        .when(text.rlike(COMPACT_DATE), F.try_to_timestamp(text, F.lit("yyyyMMdd")))
        .otherwise(text.try_cast("timestamp"))
    )


def parse_flag(value: Column) -> Column:
    """Return true or false for the usual words of either; null for anything else."""
    word = F.lower(F.trim(value))
    return F.when(word.isin("true", "1", "yes", "y", "in stock"), F.lit(True)).when(word.isin("false", "0", "no", "n", "out of stock"), F.lit(False))


def mark_hash(hashed: Column) -> Column:
    """Say that a text is a keyed hash already, so that a replay can tell it from an id that somebody wrote by hand."""
    return F.concat(F.lit(HASH_MARK), hashed)


def hash_unmarked(value: Column, key: str) -> Column:
    """Return the keyed hash: the one that a marked text holds, or that of any other text."""
    held = F.substring(value, len(HASH_MARK) + 1, HASH_CHARS)
    return F.when(value.startswith(HASH_MARK), held).otherwise(keyed_hash(value, key))


def keyed_hash(value: Column, key: str) -> Column:
    """Return HMAC-SHA-256 (RFC 2104) in hex: who lacks the key can neither read an id nor try candidates."""
    secret = key.encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > BLOCK_BYTES else secret).ljust(BLOCK_BYTES, b"\0")
    inner, outer = (F.unhex(F.lit(bytes(byte ^ pad for byte in block).hex())) for pad in (0x36, 0x5C))
    return F.sha2(F.concat(outer, F.unhex(F.sha2(F.concat(inner, F.encode(value, "UTF-8")), 256))), 256)
