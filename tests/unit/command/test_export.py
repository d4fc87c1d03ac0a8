"""``goeswith export neighbours``: the whole catalogue's lists as one flat file, the same in each format."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from goeswith import lake, neighbour_files, releases
from goeswith.catalogue import Writer
from goeswith.command.export import format_of, neighbours
from goeswith.errors import ConfigError, VersionMissing
from goeswith.neighbour_files import SCHEMA, Wanted, read_places, write_places
from goeswith.profile import Profile
from tests.tiny_features import write_tiny_features
from tests.tiny_shop import write_tiny_lake

PLACES = ("balls-red-0", "balls-red-1", "gone", "pan-blue-0")
SCORES = (0.9, 0.8, 0.7, 0.6)


@pytest.fixture
def profile(profile: Profile) -> Profile:
    """Return a home with a release whose lists hold four places each, one of an item that is gone; the threshold is 0.75."""
    write_tiny_lake(profile)
    releases.write_release(profile, "r1", write_tiny_features(profile))
    rows = lake.read_table(profile, "item_neighbours")
    place = [{"item_id": item, "score": score, "source": "behaviour", "reason": "told"} for item, score in zip(PLACES, SCORES, strict=True)]
    lists = pa.array([place] * rows.num_rows, rows.schema.field("neighbours").type)
    rows = rows.set_column(rows.schema.get_field_index("neighbours"), "neighbours", lists)
    rows = rows.set_column(rows.schema.get_field_index("threshold"), "threshold", pa.array([0.75] * rows.num_rows, pa.float32()))
    version = lake.write_table(profile, "item_neighbours", rows.drop_columns(["updated_at"]), writer=Writer.TRAINING)
    releases.write_release(profile, "r2", {"item_neighbours": version})
    return profile


def read(profile: Profile, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    return [row for batch in read_places(profile, releases.read_release(profile), wanted or Wanted()) for row in batch.to_pylist()]


def test_every_place_is_a_row_ranked_among_the_items_that_are_still_there(profile: Profile) -> None:
    rows = read(profile)
    lists = lake.read_table(profile, "item_neighbours").num_rows
    assert len(rows) == 3 * lists
    one = [(row["rank"], row["neighbour_id"], row["sure"]) for row in rows if (row["type"], row["item_id"]) == ("complement", "racket-red-0")]
    assert one == [(1, "balls-red-0", True), (2, "balls-red-1", True), (3, "pan-blue-0", False)]
    assert {(row["release"], row["source"], row["reason"]) for row in rows} == {("r2", "behaviour", "told")}


def test_what_is_not_wanted_leaves_its_rank_to_the_next(profile: Profile) -> None:
    assert {row["rank"] for row in read(profile, Wanted(sure=True))} == {1, 2}
    assert {row["neighbour_id"] for row in read(profile, Wanted(k=1))} == {"balls-red-0"}
    assert {row["type"] for row in read(profile, Wanted(type="substitute"))} == {"substitute"}
    items = lake.read_table(profile, "items")
    available = pa.array([item != "balls-red-0" for item in items["item_id"].to_pylist()])
    items = items.set_column(items.schema.get_field_index("available"), items.schema.field("available"), available).drop_columns(["updated_at"])
    releases.write_release(profile, "r3", {"items": lake.write_table(profile, "items", items, writer=Writer.SPARK)})
    assert {(row["rank"], row["neighbour_id"]) for row in read(profile, Wanted(in_stock=True))} == {(1, "balls-red-1"), (2, "pan-blue-0")}


def test_the_same_rows_stand_in_each_format(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    paths = [tmp_path / name for name in ("n.parquet", "n.jsonl", "table")]
    for path in paths:
        neighbours(path, k=2, type_="", sure=False, in_stock=False, release="", as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    key = [(name, "ascending") for name in ("type", "item_id", "rank")]
    lines = [json.loads(line) for line in paths[1].read_text(encoding="utf-8").splitlines()]
    tables = [pq.read_table(paths[0]), pa.Table.from_pylist(lines, SCHEMA), DeltaTable(paths[2]).to_pyarrow_table().cast(SCHEMA)]
    assert tables[0].num_rows == told[0]["rows"] > 0
    assert all(table.sort_by(key).equals(tables[0].sort_by(key)) for table in tables)
    assert [row["format"] for row in told] == ["parquet", "jsonl", "delta"]


def test_an_export_that_breaks_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    def breaks() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([], SCHEMA)
        raise OSError("disk full")

    target = tmp_path / "n.jsonl"
    target.write_text("as it was")
    with pytest.raises(OSError, match="disk full"):
        write_places(breaks(), target, "jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["n.jsonl"]
    assert target.read_text() == "as it was"


def test_a_path_says_the_format_and_another_suffix_is_refused(tmp_path: Path) -> None:
    assert [format_of(Path(name)) for name in ("a.parquet", "a.jsonl", "a")] == ["parquet", "jsonl", "delta"]
    with pytest.raises(ConfigError, match=r"nothing is written as \.csv"):
        format_of(Path("a.csv"))
    (tmp_path / "a").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        format_of(tmp_path / "a")


def test_before_the_first_training_the_error_says_what_to_run(profile: Profile) -> None:
    with pytest.raises(VersionMissing, match="names no version of 'item_neighbours'"):
        list(neighbour_files.read_places(profile, releases.Release("early", {"items": 1}, releases.read_release(profile).created_at), Wanted()))
