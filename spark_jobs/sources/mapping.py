"""The mapping file of the ``files`` source: which of the user's files and columns are which of the catalogue's."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goeswith.catalogue import find_table
from goeswith.errors import ConfigError

NEEDED: dict[str, tuple[str, ...]] = {
    "items": ("item_id",),
    "events": ("basket_id", "item_id"),
    "bundles": ("bundle_id", "item_id"),
    "declared_relations": ("kind", "src", "dst"),
}
"""Columns without which a table means nothing; ingest fills in the others (an event without a kind is a purchase)."""
OURS = ("updated_at", "source", "category", "attributes", "same_title_as")
"""Columns that no file column is mapped to directly."""
FLAGS: dict[str, tuple[str, ...]] = {"events": ("cancelled",)}
"""Columns that say something about a row and are kept in no column of their own."""


class TableFile(BaseModel):
    """One file of the user's. ``columns`` maps catalogue names to the file's own.

    ``category`` lists the columns of a category path, broadest first, or names one that holds it: an array, or text that
    ``category_separator`` cuts. ``attributes`` are columns kept by name. ``multiline``: quoted CSV text may hold line ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    format: Literal["csv", "parquet", "jsonl", "delta"]
    columns: dict[str, str]
    separator: str = Field(default=",", min_length=1)
    multiline: bool = False
    category: tuple[str, ...] = ()
    category_separator: str = ""
    attributes: tuple[str, ...] = ()

    @property
    def all_columns(self) -> dict[str, str]:
        """Every column of the file that is asked for, by what it is for."""
        more = {f"category {name}": name for name in self.category} | {f"attribute {name}": name for name in self.attributes}
        return self.columns | more


class Mapping(BaseModel):
    """The mapping file: one entry a table, and the folder of images that the items' ``image`` column names files of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: TableFile
    events: TableFile | None = None
    bundles: TableFile | None = None
    declared_relations: TableFile | None = None
    images: str | None = None

    @model_validator(mode="after")
    def _check(self) -> "Mapping":
        for name, table in self.tables().items():
            _check_columns(name, table)
        if self.images and "image" not in self.items.columns:
            raise ValueError("images are given, but items.columns maps no 'image' to the column that names an item's file")
        return self

    def tables(self) -> dict[str, TableFile]:
        """Return the tables that are there, by catalogue name."""
        found = {name: getattr(self, name) for name in NEEDED}
        return {name: table for name, table in found.items() if table is not None}


def _check_columns(name: str, table: TableFile) -> None:
    legal = [column for column in (*find_table(name).columns, *FLAGS.get(name, ())) if column not in OURS]
    unknown = [column for column in table.columns if column not in legal]
    if unknown:
        raise ValueError(f"{name}.columns: {unknown[0]!r} is no column that can be mapped; legal: {', '.join(legal)}")
    missing = [column for column in NEEDED[name] if column not in table.columns]
    if missing:
        raise ValueError(f"{name}.columns lacks {missing[0]!r}; needed: {', '.join(NEEDED[name])}")
    if name != "items" and (table.category or table.attributes):
        raise ValueError(f"{name}: category and attributes belong to items")


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises ``ConfigError`` that names the key at fault and the legal ones."""
    if not path.is_file():
        raise ConfigError(f"there is no mapping file {path}", "write one as the README shows: which file and column is which")
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Mapping.model_validate(values)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no valid YAML: {error}", "correct the line that it names") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        keys = f"tables: {', '.join(Mapping.model_fields)}; of a table: {', '.join(TableFile.model_fields)}"
        raise ConfigError(f"{path}: {problems}", keys) from error
