"""What is trained on: the synthetic shop whole, or a run's training set whose home stays as it is."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cirp.shop import Shop, build_pairs, make_shop, read_shop
from goeswith.errors import DataContractError, VersionMissing
from goeswith.pictures import read_picture
from goeswith.profile import Profile, load_profile
from spark_jobs.sources.shop import DEFAULT_SEED, plant_shop
from tests.tiny_shop import RUN, write_tiny_lake


def test_items_are_sorted_and_each_has_its_text_and_its_picture(shop: Shop) -> None:
    items = shop.training.items
    assert len(items) == 100
    assert list(items.ids) == sorted(items.ids)
    assert items.images == tuple(f"{item}.png" for item in items.ids)
    assert all(items.texts())
    assert read_picture(shop.home.pictures, items.images[0] or "")[:4] == b"\x89PNG"


def test_neighbours_are_those_that_met_twice_each_pair_once() -> None:
    met = np.triu(np.array([[0, 1, 2], [1, 0, 5], [2, 5, 0]]), 1)
    pairs = build_pairs(met)
    assert list(zip(pairs.src.tolist(), pairs.dst.tolist(), pairs.counts.tolist(), strict=True)) == [(0, 2, 2), (1, 2, 5)]


def test_neighbours_are_the_very_items_that_met_though_these_are_sorted(shop: Shop) -> None:
    truth, items, pairs = plant_shop(DEFAULT_SEED, 100).truth, shop.training.items, shop.training.pairs
    at = {item: place for place, item in enumerate(truth.items.item_id.tolist())}
    met = [truth.bought[at[items.ids[a]], at[items.ids[b]]] for a, b in zip(pairs.src, pairs.dst, strict=True)]
    assert met == pairs.counts.tolist()
    assert len(met) == (np.triu(truth.bought, 1) >= 2).sum() > 30


def test_pictures_are_drawn_once(shop: Shop) -> None:
    first = shop.home.pictures / f"{shop.training.items.ids[0]}.png"
    before = first.stat().st_mtime_ns
    again = make_shop(100, shop.home.root)
    assert first.stat().st_mtime_ns == before
    assert again.training.items.ids == shop.training.items.ids


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    return load_profile()


def test_a_runs_training_set_is_read_and_its_home_is_not_the_benchs(profile: Profile, tmp_path: Path) -> None:
    write_tiny_lake(profile)
    for _ in range(2):
        shop = read_shop(profile, RUN, tmp_path / "bench")
    assert (shop.name, len(shop.training.items)) == (RUN, 60)
    assert shop.home.root == tmp_path / "bench"
    assert read_picture(shop.home.pictures, shop.training.items.images[0] or "")


def test_a_run_that_retrieved_nothing_is_named(profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(VersionMissing, match="no training set"):
        read_shop(profile, RUN, tmp_path / "bench")
    write_tiny_lake(profile)
    with pytest.raises(DataContractError, match="'other'"):
        read_shop(profile, "other", tmp_path / "bench")
