"""The synthetic shop: seeded, dirty on purpose, and with a truth that no single signal reaches."""

import csv
import hashlib
import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from spark_jobs.sources.shop import SMALLEST_SIZE, ceilings, generate, plant_shop
from spark_jobs.sources.shop.behaviour import draw_crowd, season
from spark_jobs.sources.shop.dirt import HUGE_BASKET
from spark_jobs.sources.shop.generate import MARKER, Shop
from spark_jobs.sources.shop.latent import category_map
from spark_jobs.sources.shop.shapes import SHAPES
from spark_jobs.sources.shop.world import CATEGORIES, INDEX, OCCASIONS, PALETTES, PATTERNS

SIZE = 150
SEED = 3


@cache
def shop() -> Shop:
    return plant_shop(SEED, 600)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("shop")
    generate(base / "shop", base / "truth", SEED, SIZE)
    return base / "shop", base / "truth"


def digest(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def clean_rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_bytes().decode("utf-8", errors="surrogateescape")
    return [row for row in csv.DictReader(io.StringIO(lines)) if None not in row.values()]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(folders: tuple[Path, Path], tmp_path: Path) -> None:
    generate(tmp_path / "again", tmp_path / "truth", SEED, SIZE)
    assert digest(tmp_path / "again") == digest(folders[0])
    assert digest(tmp_path / "truth") == digest(folders[1])
    generate(tmp_path / "other", tmp_path / "truth2", SEED + 1, SIZE)
    assert digest(tmp_path / "other")["items.csv"] != digest(folders[0])["items.csv"]


def test_a_complete_shop_is_left_alone_and_a_cut_one_is_written_again(tmp_path: Path) -> None:
    folder, truth = tmp_path / "shop", tmp_path / "truth"
    generate(folder, truth, SEED, SMALLEST_SIZE)
    whole = digest(folder)
    (folder / "events.csv").write_text("mine")
    generate(folder, truth, SEED, SMALLEST_SIZE)
    assert (folder / "events.csv").read_text() == "mine"
    (folder / MARKER).unlink()
    generate(folder, truth, SEED, SMALLEST_SIZE)
    assert digest(folder) == whole


def test_no_hidden_style_and_no_colour_or_pattern_stands_in_the_files(folders: tuple[Path, Path]) -> None:
    columns = set(clean_rows(folders[0] / "items.csv")[0])
    hidden = set(pq.read_table(folders[1] / "items.parquet").column_names) - {"item_id", "category", "price", "variant_of"}
    assert not columns & hidden
    text = b"".join((folders[0] / f"{name}.csv").read_bytes() for name in ("items", "events", "bundles")).decode(errors="ignore").lower()
    words = {p.name for p in PALETTES} | {p for p in PATTERNS if p != "plain"} | {"club", "occasion", "palette"}
    assert not [word for word in words if word in text]


def test_ids_and_positions_tell_nothing_about_an_item(folders: tuple[Path, Path]) -> None:
    items = pq.read_table(folders[1] / "items.parquet").to_pandas()
    numbers = items.item_id.str[1:].astype(int)
    for style in ("palette", "occasion", "club"):
        assert abs(np.corrcoef(numbers, items[style])[0, 1]) < 0.2
        assert abs(np.corrcoef(np.arange(len(items)), items[style])[0, 1]) < 0.2


def test_complements_go_one_way_and_substitutes_both() -> None:
    truth = shop().truth
    assert truth.complements.any()
    assert not (truth.complements & truth.complements.T).any()
    assert (truth.substitutes == truth.substitutes.T).all()
    assert not (truth.complements & truth.substitutes).any()
    assert not (category_map() & category_map().T).any()


def test_every_planted_pair_matches_in_two_of_three_styles() -> None:
    items = shop().truth.items
    for planted in (shop().truth.complements, shop().truth.substitutes):
        src, dst = np.nonzero(planted)
        matches = sum((style[src] == style[dst]).astype(int) for style in (items.palette, items.occasion, items.club))
        assert (matches >= 2).all()


def test_each_style_alone_leaves_planted_pairs_out() -> None:
    items = shop().truth.items
    src, dst = np.nonzero(shop().truth.complements)
    for style in (items.palette, items.occasion, items.club):
        assert 0.5 < (style[src] == style[dst]).mean() < 0.85


def test_no_single_signal_reaches_what_all_of_them_reach() -> None:
    figures = {(f.task, f.metric, f.model): f for f in ceilings(shop().truth, SEED)}
    for task in ("complements", "substitutes", "bundle"):
        whole = figures[task, "ndcg@10", "oracle-all"]
        for signal in ("pictures", "texts", "behaviour"):
            alone = figures[task, "ndcg@10", f"oracle-{signal}"]
            assert alone.high is not None
            assert whole.low is not None
            assert alone.high < whole.low
            assert alone.value > 0.03
    assert figures["complements", "ndcg@10", "oracle-all"].value == pytest.approx(1.0)


def test_new_items_have_no_event_and_stand_in_no_shown_bundle() -> None:
    new = set(np.flatnonzero(shop().truth.items.is_new).tolist())
    assert len(new) > 20
    assert not new & {event.item for event in shop().events}
    assert not new & {i for bundle in shop().bundles for i in bundle.chosen}
    assert new & {i for bundle in shop().truth.bundles for i in bundle.chosen}


def test_baskets_hold_planted_pairs_far_above_chance_and_noise_besides() -> None:
    truth = shop().truth
    together = np.triu(truth.bought > 0)
    planted = truth.complements | truth.complements.T
    rate_in, rate_all = planted[together].mean(), planted.mean()
    assert rate_in > 10 * rate_all
    assert rate_in < 0.9


def test_a_follow_up_shows_the_direction() -> None:
    truth = shop().truth
    first_seen: dict[int, list[int]] = {}
    forward = backward = 0
    for event in sorted((e for e in shop().events if e.kind == "purchase"), key=lambda e: e.at):
        for earlier in first_seen.setdefault(event.user, []):
            forward += int(truth.complements[earlier, event.item])
            backward += int(truth.complements[event.item, earlier])
        first_seen[event.user].append(event.item)
    assert forward > 1.5 * backward


def test_popularity_is_skewed() -> None:
    counts = np.bincount([event.item for event in shop().events], minlength=600)
    top = np.sort(counts)[::-1][:60].sum()
    assert top > 0.25 * counts.sum()


def test_taste_and_season_move_what_is_bought() -> None:
    items = shop().truth.items
    crowd = draw_crowd(items, SEED)
    assert (crowd.weights[:, items.is_new] == 0).all()
    lanterns = np.flatnonzero(items.category == INDEX["lanterns"])
    assert season(items, 220)[lanterns].min() > 2 * season(items, 20)[lanterns].max()


def test_bundles_of_one_author_share_a_group_and_err_now_and_then() -> None:
    authors = [bundle.author for bundle in shop().bundles]
    assert len(set(authors)) < len(authors)
    related = shop().truth.complements
    right = [related[b.chosen[0], i] for b in shop().bundles for i in b.chosen[1:]]
    assert 0.85 < np.mean(right) < 1.0
    assert all(related[b.chosen[0], list(b.chosen[1:])].all() for b in shop().truth.bundles)


def test_pictures_show_the_palette_and_a_few_show_another_item(folders: tuple[Path, Path]) -> None:
    items = pq.read_table(folders[1] / "items.parquet").to_pandas()
    assert (items.shown_item_id != items.item_id).sum() == items[items.conflict].pipe(lambda t: (t.shown_item_id != t.item_id).sum())
    assert 0 < items.conflict.sum() < 0.15 * len(items)
    opened = 0
    for item_id in items.item_id:
        path = folders[0] / "images" / f"{item_id}.png"
        if path.exists() and path.read_bytes()[:4] == b"\x89PNG":
            with Image.open(path) as picture:
                assert picture.size == (96, 96)
            opened += 1
    assert opened > SIZE - 6


def test_every_category_has_a_shape_of_its_own() -> None:
    assert set(SHAPES) == {c.name for c in CATEGORIES}
    assert len(set(SHAPES.values())) == len(CATEGORIES) >= 15
    assert len({c.department for c in CATEGORIES}) >= 4
    assert len({m for o in OCCASIONS for m in o.materials}) == sum(len(o.materials) for o in OCCASIONS)


def test_the_dirt_that_is_counted_is_there(folders: tuple[Path, Path]) -> None:
    planted = json.loads((folders[1] / "dirt.json").read_text())
    raw = (folders[0] / "items.csv").read_bytes()
    assert raw.count(b"\xe9 ") == planted["item_text_not_utf8"]
    assert raw.count(b"&amp;") >= planted["html_entity"] > 0
    rows = clean_rows(folders[0] / "items.csv")
    assert sum(row["price"].startswith("-") for row in rows) == planted["item_price_negative"]
    assert sum(row["item_id"] == "" for row in rows) == planted["item_id_empty"]
    events = (folders[0] / "events.csv").read_bytes()
    assert not events.endswith(b"\n")
    assert events.count(b"bulk,") == planted["event_huge_basket"] == HUGE_BASKET
    missing = {row["image"] for row in rows if row["image"]} - {p.name for p in (folders[0] / "images").iterdir() if p.stat().st_size}
    assert len(missing) == planted["picture_missing"]
