"""The baskets that benches count: repeated without a shared order, permuted, added to, and of any shape."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.graph import baskets
from goeswith.errors import SourceUnreadable

ORDERS = baskets.as_table(np.array([1, 1, 1, 2, 2, 3]), np.array([10, 20, 30, 10, 40, 20]))


def sizes(orders: pa.Table) -> list[int]:
    return sorted(orders.group_by("order_id").aggregate([("product_id", "count")])["product_id_count"].to_pylist())


def test_the_first_copy_is_the_source_itself() -> None:
    assert next(baskets.copies(ORDERS, 3)).equals(ORDERS)


def test_copies_share_items_and_shape_but_no_order() -> None:
    made = list(baskets.copies(ORDERS, 4))
    ids = [set(copy["order_id"].to_pylist()) for copy in made]
    assert len(set.union(*ids)) == 4 * 3
    for copy in made:
        assert sizes(copy) == sizes(ORDERS)
        assert set(copy["product_id"].to_pylist()) == {10, 20, 30, 40}
        assert sorted(pc.value_counts(copy["product_id"]).field("counts").to_pylist()) == [1, 1, 2, 2]


def test_copies_are_permuted_one_by_one_and_the_same_each_time() -> None:
    orders = baskets.as_table(np.arange(200) // 4, np.arange(200))
    first, second = list(baskets.copies(orders, 3)), list(baskets.copies(orders, 3))
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))
    columns = [copy["product_id"].to_pylist() for copy in first]
    assert columns[0] != columns[1] != columns[2]


def test_first_orders_are_whole() -> None:
    assert baskets.first_orders(ORDERS, 1, 3).to_pydict() == {"order_id": [2, 2, 3], "product_id": [10, 40, 20]}
    assert baskets.first_orders(ORDERS, 0, 1).num_rows == 3


def test_made_orders_have_the_shape_that_was_asked_for() -> None:
    orders = baskets.made_orders(events=10_000, basket_size=8, items=500)
    assert orders.num_rows == 10_000
    assert set(sizes(orders)) == {8}
    drawn = pc.value_counts(orders["product_id"]).field("counts").to_numpy()
    assert 400 < len(drawn) <= 500
    assert drawn.max() > 5 * np.median(drawn), "a few items are far more popular than most"


def test_files_are_made_once_and_a_crash_leaves_none(tmp_path: Path) -> None:
    def break_off() -> list[pa.Table]:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        baskets.keep_orders(tmp_path / "made", break_off)
    made = baskets.keep_orders(tmp_path / "made", lambda: [ORDERS, ORDERS])
    assert [path.name for path in made] == ["part-000.parquet", "part-001.parquet"]
    assert baskets.keep_orders(tmp_path / "made", break_off) == made
    assert pq.read_table(made[1]).equals(ORDERS)


def test_instacart_is_read_as_integers(tmp_path: Path) -> None:
    table = pa.table({"order_id": pa.array([1, 1], pa.int32()), "product_id": pa.array([5, 6], pa.int32()), "reordered": [0, 1]})
    pq.write_table(table, tmp_path / "order_products__train.parquet")
    assert baskets.read_instacart(tmp_path).equals(baskets.as_table(np.array([1, 1]), np.array([5, 6])))


def test_what_is_made_of_a_source_is_not_taken_once_its_orders_change(tmp_path: Path) -> None:
    keys = []
    for orders in (ORDERS, ORDERS[:3]):
        pq.write_table(orders, tmp_path / "order_products__train.parquet")
        keys += [baskets.source_key(tmp_path), baskets.source_key(tmp_path)]
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_a_missing_source_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="--data"):
        baskets.read_instacart(tmp_path)


def test_orders_are_described_as_a_count_sees_them(tmp_path: Path) -> None:
    large = baskets.as_table(np.full(5, 9), np.arange(5))
    twice = baskets.as_table(np.array([7, 7, 8, 8]), np.array([1, 1, 2, 3]))
    paths = baskets.keep_orders(tmp_path / "made", lambda: [ORDERS, large, twice])
    found = baskets.describe_orders(paths, (2, 4))
    assert found == {"events": 15.0, "items": 9.0, "baskets": 3.0, "meetings": 5.0}, "baskets 1, 2 and 8: three meetings, one and one"
