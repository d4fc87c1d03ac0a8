"""The mapping file: unknown keys and columns that cannot be mapped are refused, with the legal ones."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from goeswith.errors import ConfigError, SourceUnreadable
from goeswith.profile import Profile
from spark_jobs.sources import SOURCES, build_source
from spark_jobs.sources.base import LACKS, require_columns, require_file
from spark_jobs.sources.mapping import read_mapping

ITEMS = {"file": "items.csv", "format": "csv", "columns": {"item_id": "sku"}}


def write(folder: Path, values: Any) -> Path:
    path = folder / "mapping.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path


def refused(folder: Path, values: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_mapping(write(folder, values))
    return caught.value


def test_a_mapping_names_files_and_columns(tmp_path: Path) -> None:
    mapping = read_mapping(write(tmp_path, {"items": ITEMS | {"category": ["dep", "type"], "attributes": ["size"]}}))
    assert list(mapping.tables()) == ["items"]
    assert set(mapping.items.all_columns.values()) == {"sku", "dep", "type", "size"}


def test_an_unknown_key_is_refused_and_the_legal_ones_are_listed(tmp_path: Path) -> None:
    error = refused(tmp_path, {"items": ITEMS | {"seperator": ";"}})
    assert "seperator" in error.what
    assert "separator" in error.remedy
    assert "orders" in refused(tmp_path, {"items": ITEMS, "orders": ITEMS}).what


def test_a_column_that_no_table_has_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, {"items": ITEMS | {"columns": {"item_id": "sku", "colour": "c"}}})
    assert "'colour'" in error.what
    assert "title" in error.what


def test_columns_that_ingest_fills_cannot_be_mapped(tmp_path: Path) -> None:
    assert "updated_at" in refused(tmp_path, {"items": ITEMS | {"columns": {"item_id": "sku", "updated_at": "t"}}}).what


def test_a_needed_column_must_be_mapped(tmp_path: Path) -> None:
    error = refused(tmp_path, {"items": ITEMS, "events": {"file": "e.csv", "format": "csv", "columns": {"item_id": "sku"}}})
    assert "events.columns lacks 'basket_id'" in error.what


def test_images_need_a_column_that_names_them(tmp_path: Path) -> None:
    assert "image" in refused(tmp_path, {"items": ITEMS, "images": "pictures"}).what


def test_a_format_that_is_not_read_is_refused(tmp_path: Path) -> None:
    assert "jsonl" in refused(tmp_path, {"items": ITEMS | {"format": "xlsx"}}).what


def test_broken_yaml_and_no_file_are_errors_of_the_tree(tmp_path: Path) -> None:
    assert "YAML" in refused(tmp_path, "items: [").what
    with pytest.raises(ConfigError, match="no mapping file"):
        read_mapping(tmp_path / "none.yaml")


def test_an_unknown_source_lists_the_sources(profile: Profile) -> None:
    with pytest.raises(ConfigError) as caught:
        build_source("shopify", None, {}, profile)
    assert all(name in caught.value.remedy for name in SOURCES)


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "synthetic"])
def test_a_source_of_files_says_that_its_folder_is_missing(name: str, profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--data"):
        build_source(name, None, {}, profile)
    with pytest.raises(SourceUnreadable, match="no folder"):
        build_source(name, tmp_path / "nowhere", {}, profile)


@pytest.mark.parametrize("name", SOURCES)
def test_an_unknown_option_is_refused(name: str, profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="speed"):
        build_source(name, tmp_path, {"speed": 9}, profile)


def test_every_source_says_what_it_lacks_in_the_agreed_words(profile: Profile, tmp_path: Path) -> None:
    write(tmp_path, {"items": ITEMS})
    (tmp_path / "meta_Toys.json.gz").touch()
    lacks = {name: build_source(name, tmp_path, {}, profile).lacks for name in SOURCES}
    assert all(set(words) <= set(LACKS) for words in lacks.values())
    assert lacks["synthetic"] == ()
    assert "titles" in lacks["amazon-relations"]
    assert "views" in lacks["hm"]
    assert set(lacks["files"]) == set(LACKS)


def test_a_missing_file_and_a_missing_column_name_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").touch()
    with pytest.raises(SourceUnreadable) as caught:
        require_file(tmp_path / "items.csv")
    assert "orders.csv" in caught.value.remedy
    with pytest.raises(SourceUnreadable, match=r"items\.csv has no column 'preis' \(for price\)") as missing:
        require_columns(tmp_path / "items.csv", ["sku", "prijs"], {"price": "preis"})
    assert "sku, prijs" in missing.value.remedy


def test_the_smallest_shop_is_stated(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="size"):
        build_source("synthetic", None, {"size": 3}, profile)
