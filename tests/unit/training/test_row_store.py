"""Rows kept on disk by key."""

from pathlib import Path

import numpy as np
import pytest

from training.row_store import Rows, RowStore


class Maker:
    """Makes len(key) rows that hold the key's length, and remembers what it was asked for."""

    def __init__(self, die_on: str = "") -> None:
        self.asked: list[str] = []
        self.die_on = die_on

    def __call__(self, keys: list[str]) -> list[Rows]:
        """Make the rows."""
        if self.die_on in keys:
            raise KeyboardInterrupt
        self.asked += keys
        return [np.full((len(key), 2), len(key), np.float32) for key in keys]


def store(folder: Path) -> RowStore:
    return RowStore(folder, (2,), np.float32)


def test_each_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    maker = Maker()
    store(tmp_path).add(["a", "bb", "a"], maker, chunk=1, what="rows")
    store(tmp_path).add(["bb", "ccc"], maker, chunk=5, what="rows")
    assert maker.asked == ["a", "bb", "ccc"]
    spans = store(tmp_path).spans(["ccc", "a"])
    assert spans.tolist() == [[3, 3], [0, 1]]
    assert store(tmp_path).rows()[3:6].tolist() == [[3, 3]] * 3


def test_what_was_whole_before_a_kill_stays_and_the_rest_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path).add(["a", "bb", "x"], Maker(die_on="x"), chunk=1, what="rows")
    with (tmp_path / "rows.bin").open("ab") as out:
        out.write(b"\0\0\0")
    again = Maker()
    store(tmp_path).add(["a", "bb", "x"], again, chunk=1, what="rows")
    assert again.asked == ["x"]
    found = store(tmp_path)
    assert found.rows()[found.spans(["x"])[0, 0]].tolist() == [1, 1]


def test_an_empty_store_reads_as_no_rows(tmp_path: Path) -> None:
    assert store(tmp_path).rows().shape == (0, 2)
    assert store(tmp_path).spans([]).shape == (0, 2)
