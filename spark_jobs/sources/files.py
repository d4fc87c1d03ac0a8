"""Source ``files``: the user's own tables as CSV, Parquet, JSON lines or Delta, a folder of images, and a mapping file."""

from collections.abc import Mapping as AnyMapping
from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from goeswith.config import STRICT, parse_config
from goeswith.profile import Profile
from spark_jobs.sources.base import RawTables, require_file, require_folder
from spark_jobs.sources.folder import read_folder
from spark_jobs.sources.mapping import Mapping, TableFile, read_mapping
from spark_jobs.sources.reading import as_raw, attributes_of, csv_columns, json_keys, path_of, read_columnar, read_csv, read_json_lines
from spark_jobs.sources.seen import Columns, refuse_lost_columns, seen_path


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """The mapping file, relative to the source's folder."""

    mapping: str = "mapping.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """The files of one folder, read as a mapping says."""

    folder: Path
    mapping: Mapping = field(repr=False)
    name: str = "files"
    profile: Profile | None = None
    """Below whose home it is remembered what the files were like; None where nobody changes them."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What no mapped file or column gives. Views are there where events have a kind that could say so."""
        items, events = self.mapping.items.columns, self.mapping.events.columns if self.mapping.events else {}
        has = {
            "users": "user_id" in events,
            "times": "happened_at" in events,
            "views": "kind" in events,
            "pictures": self.mapping.images is not None,
            "titles": "title" in items,
            "prices": "price" in items,
            "events": bool(events),
            "bundles": self.mapping.bundles is not None,
            "brands": "brand" in items,
            "categories": bool(self.mapping.items.category),
        }
        return tuple(name for name, there in has.items() if not there)

    def read(self, spark: SparkSession) -> RawTables:
        """Return the raw frames of every mapped file. Raises ``SourceUnreadable`` where a file lost what it had when last taken in."""
        tables = self.mapping.tables()
        columns = {name: read_columns(spark, self.folder / table.file, table) for name, table in tables.items()} if self.profile else {}
        for name, found in columns.items():
            self._refuse_changes(name, tables[name], found)
        raw = {name: read_table_file(spark, self.folder, table) for name, table in tables.items()}
        pictures = None
        if self.mapping.images is not None:
            pictures = read_folder(spark, require_file(self.folder / self.mapping.images), raw["items"])
        return RawTables(**raw, pictures=pictures, columns=columns)

    def _refuse_changes(self, name: str, table: TableFile, found: Columns) -> None:
        if self.profile is None:
            raise AssertionError("columns are read to be compared with those below a home")
        refuse_lost_columns(seen_path(self.profile, self.name, name), self.folder / table.file, found, table.all_columns)


def build(profile: Profile, data: Path | None, options: AnyMapping[str, Any]) -> FilesSource:
    """Return the source for a folder with a mapping file."""
    config = parse_config(Config, options, where="source files")
    folder = require_folder("files", data)
    return FilesSource(folder=folder, mapping=read_mapping(folder / config.mapping), profile=profile)


def read_table_file(spark: SparkSession, folder: Path, table: TableFile) -> DataFrame:
    """Return the raw frame of one mapped file. Raises ``SourceUnreadable`` where it or a mapped column is missing."""
    path = folder / table.file
    frame = _read_file(spark, path, table)
    further: dict[str, Column] = {}
    if table.category:
        as_raw(frame, path, table.all_columns)
        further["category"] = _category(frame, table)
    if table.attributes:
        further["attributes"] = attributes_of({name: name for name in table.attributes})
    return as_raw(frame, path, table.columns, **further)


def read_columns(spark: SparkSession, path: Path, table: TableFile) -> Columns:
    """Return the columns of a file with their types. Of JSON lines those count that the mapping asks for."""
    if table.format == "csv":
        return dict.fromkeys(csv_columns(spark, path, table.separator, multiline=table.multiline), "text")
    if table.format == "jsonl":
        return dict.fromkeys((key for key in json_keys(spark, path) if key in table.all_columns.values()), "json")
    return {f.name: f.dataType.simpleString() for f in spark.read.format(table.format).load(str(require_file(path))).schema.fields}


def _read_file(spark: SparkSession, path: Path, table: TableFile) -> DataFrame:
    if table.format == "csv":
        return read_csv(spark, path, table.separator, multiline=table.multiline)
    if table.format == "jsonl":
        return read_json_lines(spark, path, {name: name for name in table.all_columns.values()})
    return read_columnar(spark, path, table.format)


def _category(frame: DataFrame, table: TableFile) -> Column:
    """Return the category path: several columns in turn, or one that is an array, JSON text of an array, or separated text."""
    first = table.category[0]
    if len(table.category) > 1:
        return path_of(*table.category)
    if isinstance(frame.schema[first].dataType, T.ArrayType):
        return F.col(first).cast("array<string>")
    if table.category_separator:
        return F.transform(F.split(first, rf"\Q{table.category_separator}\E"), lambda part: F.trim(part))
    return F.coalesce(F.from_json(first, "array<string>"), path_of(first)) if table.format == "jsonl" else path_of(first)
