"""polars: the task as lazy frames on its streaming engine. It takes no memory limit."""

from pathlib import Path

import polars as pl

from benchmarks.graph.task import COLUMNS, MAX_BASKET, MIN_BASKET, MIN_COUNT, Orders, read_parquet_pairs

read_pairs = read_parquet_pairs


class InPolars:
    """No session: POLARS_MAX_THREADS must have been set before polars was imported."""

    def count(self, orders: Orders, out: Path) -> None:
        """Count pairs into one Parquet file."""
        out.mkdir(parents=True)
        pairs = build_pairs(pl.scan_parquet(list(orders)))
        pairs.collect(engine="streaming").write_parquet(out / "pairs.parquet")

    def measures(self) -> dict[str, float]:
        """Nothing but what a clock sees."""
        return {}


def build_pairs(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the pairs of (order_id, product_id) rows."""
    baskets = orders.select("order_id", "product_id").unique()
    kept = baskets.group_by("order_id").len().filter(pl.col("len").is_between(MIN_BASKET, MAX_BASKET))
    entries = baskets.join(kept.select("order_id"), on="order_id")
    sold = entries.group_by("product_id").len("sold")
    met = entries.rename({"product_id": "src"}).join(entries.rename({"product_id": "dst"}), on="order_id").filter(pl.col("src") < pl.col("dst"))
    pairs = met.group_by("src", "dst").len("n").filter(pl.col("n") >= MIN_COUNT)
    for end in ("src", "dst"):
        pairs = pairs.join(sold.rename({"product_id": end, "sold": f"n_{end}"}), on=end)
    return pairs.select(COLUMNS)


def start() -> InPolars:
    """Return the engine."""
    return InPolars()
