"""Files change: what is added passes, what breaks a mapped column stops with the columns before and now."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.errors import DataContractError, SourceUnreadable
from spark_jobs.sources.seen import BROKEN_ROWS, diff_columns, read_seen, refuse_lost_columns, refuse_lost_values, write_seen

FILE = Path("items.csv")
columns = st.dictionaries(st.sampled_from(["sku", "name", "cost"]), st.sampled_from(["text", "int", "array<string>"]))


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return write_seen(tmp_path / "seen" / "files.items.json", {"sku": "int", "cost": "double"}, {"price_unreadable": 0.1})


@given(columns, columns)
def test_a_diff_holds_both_sides_whole(before: dict[str, str], now: dict[str, str]) -> None:
    lines = [line for line in diff_columns(before, now).split("\n") if line]
    assert {line[2:] for line in lines if line[0] in " -"} == {f"{name} {kind}" for name, kind in before.items()}
    assert {line[2:] for line in lines if line[0] in " +"} == {f"{name} {kind}" for name, kind in now.items()}


def test_a_file_that_was_never_seen_passes_and_a_new_or_unmapped_column_too(memory: Path, tmp_path: Path) -> None:
    refuse_lost_columns(tmp_path / "never.json", FILE, {}, {"price": "cost"})
    refuse_lost_values(tmp_path / "never.json", "items", 100, {}, {"price_unreadable": 100})
    refuse_lost_columns(memory, FILE, {"sku": "int", "colour": "string"}, {"item_id": "sku"})


def test_a_mapped_column_that_went_stops_with_the_diff_and_says_how_to_go_on(memory: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"column 'cost' \(for price\) is gone") as caught:
        refuse_lost_columns(memory, FILE, {"sku": "int", "prix": "double"}, {"item_id": "sku", "price": "cost"})
    assert caught.value.what.endswith("- cost double\n+ prix double\n  sku int")
    assert str(memory) in caught.value.remedy


def test_a_single_value_that_became_a_list_stops_and_a_wider_number_passes(memory: Path) -> None:
    refuse_lost_columns(memory, FILE, {"sku": "bigint", "cost": "string"}, {"item_id": "sku", "price": "cost"})
    with pytest.raises(SourceUnreadable, match="was double and is array<double>"):
        refuse_lost_columns(memory, FILE, {"sku": "int", "cost": "array<double>"}, {"price": "cost"})


def test_values_that_most_rows_lost_stop_and_a_few_or_as_many_as_before_do_not(memory: Path, tmp_path: Path) -> None:
    now = {"sku": "int", "cost": "string"}
    with pytest.raises(DataContractError, match="60 of 100 rows break price_unreadable, and last time 10% did") as caught:
        refuse_lost_values(memory, "items", 100, now, {"price_unreadable": 60})
    assert "- cost double\n+ cost string" in caught.value.what
    refuse_lost_values(memory, "items", 100, now, {"price_unreadable": 50})
    refuse_lost_values(memory, "items", BROKEN_ROWS - 1, now, {"price_unreadable": BROKEN_ROWS - 1})
    always = write_seen(tmp_path / "always.json", now, {"price_unreadable": 0.9})
    refuse_lost_values(always, "items", 100, now, {"price_unreadable": 100})


def test_what_is_remembered_is_read_back(memory: Path) -> None:
    seen = read_seen(memory)
    assert seen is not None
    assert (seen.columns, seen.unreadable) == ({"sku": "int", "cost": "double"}, {"price_unreadable": 0.1})
