"""Bad input to CIRP, bundle completion and pruning: a sane result, or an error that names the thing and the remedy; never a traceback.

What concerns one layer only stands beside it: checkpoints in ``test_trainer.py``, damaged pictures in ``test_pictures_and_tokens.py``.
"""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from goeswith import lake
from goeswith.errors import ConfigError, DataContractError, ModelInvalid
from goeswith.jobs import JobRun
from goeswith.pictures import store_picture
from goeswith.profile import Profile
from goeswith.results import write_json
from tests.tiny_models import TINY_BUNDLES
from tests.tiny_shop import EPOCH, RUN, bundle_rows, event_rows, holdout_rows, item_rows, training_rows, write_rows
from training.bundles.files import load_bundles
from training.bundles.scorer import completers
from training.cirp.files import load_cirp
from training.dataset import Floats
from training.jobs import prune_pairs, train_bundles, train_cirp

Row = dict[str, Any]
CIRP = {"image_px": 32, "dim": 16, "batch": 16, "train_tokens": 8, "max_epochs": 1, "map_steps": 100, "warmup": 0}
BUNDLES = {name: getattr(TINY_BUNDLES, name) for name in ("dim", "epochs", "asked", "rounds")}
WORDLESS = {"title": None, "description": None, "brand": None, "category": None, "attributes": None}
MISSING: dict[str, Row] = {"pictures": {"image": None}, "texts": WORDLESS, "both": {**WORDLESS, "image": None}, "prices": {"price": float("nan")}}
TITLES = ("🍳🔥 pan", "مقلاة حمراء", "\u200b\u200d\ufeff", "\u202epan\u202c", "x" * 100_000, "same", "same", "a\u0301" * 50, "\x00null", " \t\n ")
SIZES = ((1, 1), (5_000, 1), (1, 5_000))


def write_shop(
    profile: Profile, changes: Callable[[int, Row], Row], keep: int = 60, units: list[Row] | None = None, pairs: int = 1_000
) -> dict[str, int]:
    """Write the tiny shop's first ``keep`` items, changed, with its bundles (or ``units``), baskets of these, and the first ``pairs`` edges."""
    plain = item_rows(profile)[:keep]
    changed = {row["item_id"]: {**row, **changes(i, row)} for i, row in enumerate(plain)}
    rows = training_rows(plain)
    edges = [row for row in rows if row["kind"] == "pair" and row["graph"] == "full" and row["relation"] == "co_purchase"][:pairs]
    items = [{**row, **changed[row["item_id"]]} for row in rows if row["kind"] == "item"]
    bundles = bundle_rows(plain) if units is None else units
    tables = {"training_sets": items + edges, "bundles": bundles, "events": event_rows(bundles), "holdout": holdout_rows(bundles)}
    return {name: write_rows(profile, name, rows) for name, rows in tables.items()}


def as_it_is(_: int, _row: Row) -> Row:
    return {}


def train_encoder(profile: Profile, versions: dict[str, int], **recipe: Any) -> Row:
    params = {"graph": "full", "overrides": {**CIRP, **recipe}}
    return dict(train_cirp.run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params)).summary)


def train_completion(profile: Profile, versions: dict[str, int]) -> Row:
    params = {"graph": "full", "overrides": BUNDLES}
    return dict(train_bundles.run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params)).summary)


def models_of(profile: Profile) -> Path:
    return profile.models / RUN / "full"


def features(profile: Profile) -> Floats:
    found: Floats = load_file(models_of(profile) / "cirp" / "vectors.safetensors")["feature"]
    return found


def require_answers(profile: Profile) -> None:
    """Every way to complete a bundle scores every item."""
    for way in completers(load_bundles(models_of(profile) / "bundles")):
        assert np.isfinite(way.score([0])).all()


def write_random_vectors(profile: Profile, ids: list[str]) -> None:
    """Write what ``train_bundles`` reads of CIRP."""
    folder, rng = models_of(profile) / "cirp", np.random.default_rng(0)
    folder.mkdir(parents=True)
    save_file({name: rng.normal(size=(len(ids), 8)).astype(np.float32) for name in ("text", "image")}, folder / "vectors.safetensors")
    write_json(folder / "items.json", sorted(ids))


def bundle_of(name: str, *items: str) -> list[Row]:
    return [
        {"bundle_id": f"bundle-{name}", "item_id": item, "group_id": name, "title": None, "origin": "curated", "known_at": EPOCH} for item in items
    ]


@pytest.mark.parametrize("missing", MISSING)
def test_a_shop_that_lacks_something_everywhere_trains_and_answers_on_what_is_there(profile: Profile, missing: str) -> None:
    versions = write_shop(profile, lambda *_: MISSING[missing])
    notes = train_encoder(profile, versions)["notes"]
    assert [note.split(":")[0] for note in notes] == {
        "pictures": ["no item has a picture"],
        "texts": ["no item has a text"],
        "both": ["no item has a text", "no item has a picture"],
        "prices": [],
    }[missing]
    assert train_completion(profile, versions)["bundles"] == 15
    assert np.allclose(np.linalg.norm(features(profile), axis=1), 0 if missing == "both" else 1, atol=1e-5)
    require_answers(profile)


def test_one_item_that_nobody_bought_trains_and_is_all_there_is_to_answer_with(profile: Profile) -> None:
    versions = write_shop(profile, as_it_is, keep=1)
    summary = train_encoder(profile, versions)
    assert (summary["items"], summary["edges"]) == (1, 0)
    assert "no relation is learned" in summary["notes"][0]
    assert train_completion(profile, versions)["ranked_by"] == "set"
    assert features(profile).shape == (1, 16)
    require_answers(profile)


def test_one_edge_and_batches_of_one_train(profile: Profile) -> None:
    versions = write_shop(profile, as_it_is, pairs=1)
    summary = train_encoder(profile, versions, batch=1)
    assert (summary["edges"] + summary["held_out_edges"], summary["epochs"]) == (1, 1)
    assert np.isfinite(features(profile)).all()


def test_a_lone_picture_that_is_too_small_to_normalise_is_refused_with_the_remedy(profile: Profile) -> None:
    versions = write_shop(profile, lambda i, row: {"image": row["image"] if i == 0 else None})
    with pytest.raises(ConfigError, match="image_px of 17 or more"):
        train_encoder(profile, versions, image_px=16, batch=1)


def test_odd_titles_pictures_and_twins_train_and_twins_are_alike(profile: Profile) -> None:
    """Emoji, right to left, zero width, control characters, 100,000 characters, pictures of one pixel's height, items equal in all but their id."""
    out = [io.BytesIO() for _ in SIZES]
    for stream, size in zip(out, SIZES, strict=True):
        Image.new("RGB", size, (200, 30, 30)).save(stream, "PNG")
    pictures = [store_picture(profile.pictures, stream.getvalue()) for stream in out]
    twin = item_rows(profile)[0]

    def odd(i: int, row: Row) -> Row:
        if i >= 40:
            return {name: twin[name] for name in ("title", "description", "brand", "category", "image", "price")}
        return {"title": TITLES[i % len(TITLES)], "image": pictures[i] if i < len(pictures) else row["image"]}

    versions = write_shop(profile, odd)
    train_encoder(profile, versions)
    train_completion(profile, versions)
    ids = sorted(row["item_id"] for row in item_rows(profile))
    found, twins = features(profile), [ids.index(row["item_id"]) for row in item_rows(profile)[40:]]
    assert np.isfinite(found).all()
    assert np.allclose(found[twins], found[twins[0]], atol=1e-5)
    require_answers(profile)


@pytest.mark.parametrize("members", [[], ["nobody", "nothing"], ["pen-red-0"]], ids=["none", "of unknown items", "of one item"])
def test_bundles_that_teach_nothing_leave_content_to_rank_by(profile: Profile, members: list[str]) -> None:
    versions = write_shop(profile, as_it_is, units=bundle_of("a", *members))
    write_random_vectors(profile, [row["item_id"] for row in item_rows(profile)])
    assert train_completion(profile, versions) == {"graph": "full", "bundles": 0, "baskets": 0, "asked_about": "baskets", "ranked_by": "set"}
    require_answers(profile)


def test_an_item_that_is_in_every_bundle_is_learned_as_any_other(profile: Profile) -> None:
    hub, *others = (row["item_id"] for row in item_rows(profile))
    versions = write_shop(profile, as_it_is, units=[row for i, other in enumerate(others) for row in bundle_of(str(i), hub, other)])
    write_random_vectors(profile, [hub, *others])
    assert train_completion(profile, versions)["bundles"] == 59
    require_answers(profile)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which both models were trained."""
    from goeswith.profile import load_profile

    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("trained")})
    versions = write_shop(profile, as_it_is)
    train_encoder(profile, versions, untrained=True)
    train_completion(profile, versions)
    return models_of(profile)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


LOADERS: dict[str, Callable[[Path], object]] = {"cirp": load_cirp, "bundles": load_bundles}
FILES = [("cirp", "model.safetensors"), ("cirp", "recipe.json")]
FILES += [("bundles", name) for name in ("arrays.safetensors", "set_encoder.safetensors", "trees.txt", "recipe.json")]


@pytest.mark.parametrize(("model", "name"), FILES)
def test_a_model_that_was_cut_short_is_named_with_the_job_that_makes_it(trained: Path, tmp_path: Path, model: str, name: str) -> None:
    folder = shutil.copytree(trained / model, tmp_path / model)
    cut(folder / name)
    with pytest.raises(ModelInvalid, match=f"{model}/{name} .*cut short|{model}/{name} cannot be read") as refused:
        LOADERS[model](folder)
    assert f"delete {folder} and run the job train_{model} again" in str(refused.value)


@pytest.mark.parametrize(("model", "width"), [("cirp", 16), ("bundles", TINY_BUNDLES.dim)])
def test_weights_of_another_recipe_are_refused(trained: Path, tmp_path: Path, model: str, width: int) -> None:
    folder = shutil.copytree(trained / model, tmp_path / model)
    recipe = (folder / "recipe.json").read_text(encoding="utf-8")
    (folder / "recipe.json").write_text(recipe.replace(f'"dim": {width}', '"dim": 24'), encoding="utf-8")
    with pytest.raises(ModelInvalid, match=r"is not of the recipe beside it: size mismatch"):
        LOADERS[model](folder)


def test_vectors_that_were_cut_short_or_are_of_other_items_teach_no_bundles(profile: Profile) -> None:
    versions = write_shop(profile, as_it_is)
    ids = [row["item_id"] for row in item_rows(profile)]
    write_random_vectors(profile, ids[:40])
    with pytest.raises(ModelInvalid, match="other items"):
        train_completion(profile, versions)
    shutil.rmtree(models_of(profile) / "cirp")
    write_random_vectors(profile, ids)
    cut(models_of(profile) / "cirp" / "vectors.safetensors")
    with pytest.raises(ModelInvalid, match=r"vectors.safetensors cannot be read"):
        train_completion(profile, versions)


def test_a_damaged_picture_stops_the_training_and_is_named(profile: Profile) -> None:
    versions = write_shop(profile, as_it_is)
    reference = item_rows(profile)[0]["image"]
    cut(profile.pictures / reference)
    with pytest.raises(DataContractError, match=f"{reference}' in .* is damaged.*") as refused:
        train_encoder(profile, versions)
    assert "run ingest again" in str(refused.value)


@pytest.mark.parametrize("scorer", ["lightgcn", "spectral", "degree", "random"])
@pytest.mark.parametrize(("items", "kept"), [(2, 1), (5, 5)], ids=["one edge", "all pairs equal"])
def test_one_edge_and_edges_that_are_all_alike_are_pruned_by_the_rate(profile: Profile, scorer: str, items: int, kept: int) -> None:
    pairs = [(f"i{a}", f"i{b}") for a in range(items) for b in range(a + 1, items)]
    rows = [{"graph": "full", "relation": "co_purchase", "src": src, "dst": dst, "n": 1, "known_at": EPOCH} for src, dst in pairs]
    version = write_rows(profile, "item_pairs", rows)
    params = {"scorer": scorer, "rule": "global", "rate": 0.5, "dim": 8, "pair_updates": 20}
    found = prune_pairs.run(JobRun(profile=profile, run_id=RUN, versions={"item_pairs": version}, params=params))
    assert found.summary["full"] == {"pairs": len(pairs), "kept": kept}
    assert np.isfinite(lake.read_table(profile, "pair_scores")["score"].to_numpy()).all()


def test_a_shop_that_sold_nothing_has_nothing_to_prune(profile: Profile) -> None:
    lake.create_table(profile, "item_pairs")
    found = prune_pairs.run(JobRun(profile=profile, run_id=RUN, versions={"item_pairs": 0}))
    assert found.summary["full"] == {"pairs": 0, "note": "no purchase pairs to prune"}
