"""A watched folder: the stream carries the names of new files, and the readers of the source ``files`` read them.

So a file means the same whether a snapshot or a stream takes it in. Each table's ``file`` in the mapping is a folder of such files (or one file).
A file is looked at once: what is written to it later is not seen, so write it elsewhere and move it in whole.
"""

import hashlib
import os
import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.errors import ConfigError, SourceUnreadable
from goeswith.profile import Profile
from spark_jobs.intake import PICTURES
from spark_jobs.sources.base import require_file, require_folder
from spark_jobs.sources.files import read_columns, read_table_file
from spark_jobs.sources.folder import read_folder
from spark_jobs.sources.mapping import Mapping, TableFile, read_mapping
from spark_jobs.sources.seen import refuse_lost_columns, seen_path
from spark_jobs.streams.base import Came

LISTED = "path string, modificationTime timestamp, length bigint, content binary"
"""What Spark tells of a binary file. Its content is never selected, so it is never read that way."""
REMEMBERED = "36500d"
"""Spark forgets files older than this, counted from the newest, and would then pass over a new one with an old time."""
FAULT_OF_A_FILE = re.compile(r"\[(FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|UNABLE_TO_INFER_SCHEMA|PATH_NOT_FOUND).*")
"""The line in which Spark says that one file is to blame; one that a task met comes as py4j's error, with the text alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderStream:
    """The files that appear below a folder, at most ``max_files`` of them in a micro-batch, the oldest first."""

    folder: Path
    mapping: Mapping = field(repr=False)
    profile: Profile = field(repr=False)
    max_files: int
    source: str = "files"

    @property
    def name(self) -> str:
        """Tell the folders of one home apart."""
        return f"{self.source}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    @property
    def remedy(self) -> str:
        """Say where to look."""
        return f"see that {self.folder} and the disk below the profile's home can be read and written"

    def open(self, spark: SparkSession) -> DataFrame:
        """Return the paths of the files that appear where a table's file or folder is mapped."""
        watched = ",".join(table.file for table in self.mapping.tables().values())
        options = {"maxFilesPerTrigger": str(self.max_files), "maxFileAge": REMEMBERED, "recursiveFileLookup": "true"}
        listed = spark.readStream.format("binaryFile").schema(LISTED).options(**options).load(f"{self.folder}/{{{watched}}}")
        return listed.select("path", "modificationTime")

    def read(self, batch: DataFrame) -> Came:
        """Read each file on its own, so that one which cannot be read is refused by name and keeps out no other."""
        spark, refused = batch.sparkSession, dict[str, str]()
        found: dict[str, list[DataFrame]] = {}
        for path in _list_files(batch):
            target, table = self._table_of(path)
            try:
                found.setdefault(target, []).append(self._read_file(spark, path, target, table))
            except SourceUnreadable as error:
                refused[str(path)] = error.what
            except (PySparkException, Py4JJavaError) as error:
                told = FAULT_OF_A_FILE.search(str(error))
                if told is None:
                    raise
                refused[str(path)] = told.group()
        raw = {target: reduce(_append, frames) for target, frames in found.items() if frames}
        return Came(self._with_pictures(spark, raw), refused)

    def _table_of(self, path: Path) -> tuple[str, TableFile]:
        for name, table in self.mapping.tables().items():
            root = Path(os.path.normpath(self.folder / table.file))
            if path.is_relative_to(root):
                return name, table
        raise AssertionError(f"{path} was listed, but is no file of the mapping")

    def _read_file(self, spark: SparkSession, path: Path, target: str, table: TableFile) -> DataFrame:
        """Return a file's raw rows once all of them could be read. Raises ``SourceUnreadable``, or what Spark met in the file."""
        alone = table.model_copy(update={"file": str(require_file(path))})
        columns = read_columns(spark, path, alone)
        refuse_lost_columns(seen_path(self.profile, self.source, target), path, columns, table.all_columns)
        rows = read_table_file(spark, self.folder, alone)
        rows.select(F.xxhash64(*rows.columns).alias("hash")).agg(F.sum(F.col("hash").cast("decimal(38,0)"))).first()
        return rows

    def _with_pictures(self, spark: SparkSession, raw: AnyMapping[str, DataFrame]) -> dict[str, DataFrame]:
        if "items" not in raw or self.mapping.images is None:
            return dict(raw)
        return {**raw, PICTURES: read_folder(spark, require_file(self.folder / self.mapping.images), raw["items"])}


def build_folder(profile: Profile, data: Path | None, mapping: str, max_files: int) -> FolderStream:
    """Return the stream of a folder. Raises ``ConfigError`` for a mapping that names a Delta table, which is no folder of files."""
    folder = require_folder("files", data).resolve()
    read = read_mapping(folder / mapping)
    delta = [name for name, table in read.tables().items() if table.format == "delta"]
    if delta:
        raise ConfigError(
            f"{delta[0]} is a Delta table, whose files are no rows of their own", "take it in with: goeswith run ingest, mode increment"
        )
    return FolderStream(folder=folder, mapping=read, profile=profile, max_files=max_files)


def _list_files(batch: DataFrame) -> list[Path]:
    """Return the files of a micro-batch, ``max_files`` at most, in the order in which they were written."""
    rows: list[Any] = batch.orderBy("modificationTime", "path").select("path").collect()
    return [Path(os.path.normpath(row["path"].removeprefix("file:"))) for row in rows]


def _append(rows: DataFrame, more: DataFrame) -> DataFrame:
    return rows.unionByName(more, allowMissingColumns=True)
