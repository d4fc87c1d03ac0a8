"""Files as raw frames: every value a string as it came, every line kept, and what was wrong with it in ``_problem``."""

from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from goeswith.errors import SourceUnreadable
from spark_jobs.sources.base import PROBLEM, ROW, ROW_INCOMPLETE, TEXT_NOT_UTF8, require_columns, require_file

LINE = "_line"
"""The line itself: of JSON lines always, of CSV where it does not fit the header."""
LATIN = "ISO-8859-1"
"""One character a byte: a CSV is read as this, so that undecodable bytes arrive and can be told apart."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf".decode(LATIN)
KEYS_FROM_LINES = 10_000
"""Lines of JSON in which a wanted key must turn up."""


def read_csv(spark: SparkSession, path: Path, separator: str = ",", *, multiline: bool = False) -> DataFrame:
    """Read a CSV with a header as strings. Quotes inside quoted text are doubled; ``multiline`` allows line ends there.

    A line with too few or too many values is ``row_incomplete``. A line that is not UTF-8 is ``text_not_utf8`` and its bytes
    outside of ASCII stand as backslash, x and two hexadecimal digits. Raises ``SourceUnreadable`` for a missing or empty file.
    """
    names = csv_columns(spark, path, separator, multiline=multiline)
    options = _csv_options(separator, multiline=multiline)
    schema = T.StructType([T.StructField(name, T.StringType()) for name in (*names, LINE)])
    reader = spark.read.schema(schema).options(**options, columnNameOfCorruptRecord=LINE, columnPruning="false", enforceSchema="true")
    return _decode_text(reader.csv(str(path)), names)


def csv_columns(spark: SparkSession, path: Path, separator: str = ",", *, multiline: bool = False) -> list[str]:
    """Return the names in a CSV's first line. Raises ``SourceUnreadable`` for a missing or empty file."""
    latin_names = spark.read.options(**_csv_options(separator, multiline=multiline)).csv(str(require_file(path))).columns
    if not latin_names:
        raise SourceUnreadable(f"{path} is empty", "it needs a first line that names the columns")
    return [_decode_name(name) for name in latin_names]


def _csv_options(separator: str, *, multiline: bool) -> dict[str, str]:
    return {"header": "true", "sep": separator, "quote": '"', "escape": '"', "encoding": LATIN, "multiLine": str(multiline).lower()}


def _decode_name(name: str) -> str:
    return name.removeprefix(BYTE_ORDER_MARK).encode(LATIN).decode("utf-8", errors="backslashreplace").strip()


def _decode_text(latin: DataFrame, names: list[str]) -> DataFrame:
    """Turn text that was read a character a byte into UTF-8, and say which rows had a problem."""
    valid = F.lit(True)
    for name in names:
        valid = valid & F.coalesce(F.is_valid_utf8(_utf8(name)), F.lit(True))
    decoded = latin.withColumn("_valid", valid)
    problem = F.when(F.col(LINE).isNotNull(), ROW_INCOMPLETE).when(~F.col("_valid"), TEXT_NOT_UTF8)
    texts = [F.when(F.is_valid_utf8(_utf8(name)), _utf8(name)).otherwise(_escape(F.col(f"`{name}`"))).alias(name) for name in (*names, LINE)]
    return decoded.select(*texts, problem.alias(PROBLEM))


def _utf8(name: str) -> Column:
    return F.encode(F.col(f"`{name}`"), LATIN).cast("string")


def _escape(latin: Column) -> Column:
    """Write every byte outside of ASCII as backslash, x, two hexadecimal digits. ``latin`` holds one character a byte."""
    escaped = F.transform(F.split(latin, ""), lambda c: F.when(F.ascii(c) > 127, F.concat(F.lit("\\x"), F.hex(F.ascii(c)))).otherwise(c))
    return F.array_join(escaped, "")


def read_json_lines(spark: SparkSession, path: Path, wanted: Mapping[str, str | T.DataType]) -> DataFrame:
    """Read the ``wanted`` keys (key -> type; a name stands for string) of JSON lines. A line that is no whole object is ``row_incomplete``.

    Raises ``SourceUnreadable`` where a wanted key is in none of the first ``KEYS_FROM_LINES`` lines.
    """
    require_columns(path, json_keys(spark, path), {key: key for key in wanted})
    return parse_json_lines(spark.read.text(str(path)), wanted)


def parse_json_lines(lines: DataFrame, wanted: Mapping[str, str | T.DataType]) -> DataFrame:
    """Return the ``wanted`` keys of lines that stand in the column ``value``, as ``read_json_lines`` does; blank lines are no rows."""
    fields = [T.StructField(key, kind if isinstance(kind, T.DataType) else T.StringType()) for key, kind in wanted.items()]
    schema = T.StructType([*fields, T.StructField("_corrupt", T.StringType())])
    valid = F.is_valid_utf8("value")
    parsed = F.from_json(F.make_valid_utf8("value"), schema, {"columnNameOfCorruptRecord": "_corrupt"})
    rows = lines.where(F.trim("value") != "").select(parsed.alias("row"), valid.alias("valid"), "value")
    problem = F.when(~F.col("valid"), TEXT_NOT_UTF8).when(F.col("row._corrupt").isNotNull(), ROW_INCOMPLETE)
    line = F.when(F.col("valid"), F.col("value")).otherwise(_escape(F.decode(F.col("value").cast("binary"), LATIN)))
    return rows.select(*[F.col(f"row.`{key}`") for key in wanted], line.alias(LINE), problem.alias(PROBLEM))


def json_keys(spark: SparkSession, path: Path) -> list[str]:
    """Return the keys of the first ``KEYS_FROM_LINES`` JSON lines."""
    lines = spark.read.text(str(require_file(path))).limit(KEYS_FROM_LINES)
    return sorted(row.key for row in lines.select(F.explode(F.json_object_keys("value")).alias("key")).distinct().collect())


def read_columnar(spark: SparkSession, path: Path, kind: str) -> DataFrame:
    """Read Parquet or Delta. Scalars become strings; arrays stay. Such files are whole or fail, so no row has a problem."""
    frame = spark.read.format(kind).load(str(require_file(path)))
    scalars = [f.name if isinstance(f.dataType, T.ArrayType) else F.col(f"`{f.name}`").cast("string").alias(f.name) for f in frame.schema.fields]
    return frame.select(*scalars, F.lit(None).cast("string").alias(PROBLEM))


def as_raw(frame: DataFrame, path: Path, columns: Mapping[str, str], **further: Column) -> DataFrame:
    """Select ``columns`` (catalogue name -> the file's own) and ``further`` expressions, with ``_row`` and ``_problem``.

    The row keeps the file's own names but for the user's id; its line as a whole is kept only where no user can stand in it.
    Raises ``SourceUnreadable`` for a column that the file lacks.
    """
    own = [name for name in frame.columns if name not in (PROBLEM, LINE)]
    require_columns(path, own, columns)
    user = columns.get("user_id")
    said = [F.col(f"`{name}`").alias("user_id" if name == user else name) for name in own]
    if user is None and LINE in frame.columns:
        said.append(F.col(LINE))
    chosen = [F.col(f"`{name}`").alias(catalogue_name) for catalogue_name, name in columns.items()]
    others = [value.alias(name) for name, value in further.items()]
    return frame.select(*chosen, *others, F.to_json(F.struct(*said)).alias(ROW), F.col(PROBLEM))


def path_of(*columns: str) -> Column:
    """Return the category path of some columns, broadest first: empty ones and repetitions are left out."""
    return F.array_distinct(F.filter(F.array(*columns), lambda c: F.length(F.trim(c)) > 0))


def attributes_of(columns: Mapping[str, str]) -> Column:
    """Return the attributes (name -> column) that have a value."""
    pairs = [F.struct(F.lit(name).alias("name"), F.col(f"`{column}`").alias("value")) for name, column in columns.items()]
    return F.filter(F.array(*pairs), lambda pair: F.length(F.trim(pair["value"])) > 0)
