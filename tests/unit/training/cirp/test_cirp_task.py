"""CIRP as a task, on the tiny shop: resume, controls, missing modalities, vectors."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from goeswith.config import parse_config
from goeswith.errors import ConfigError
from goeswith.profile import Profile, load_profile
from goeswith.results import write_atomically
from tests.tiny_shop import RUN, write_tiny_lake
from training.cirp import fit as fit_module
from training.cirp.files import load_cirp, read_summary
from training.cirp.fit import train
from training.cirp.inputs import ItemInputs, build_inputs
from training.cirp.model import Cirp, build_cirp
from training.cirp.neighbours import build_graph
from training.cirp.recipe import CirpRecipe, Stage, Term, cirp_small
from training.cirp.task import Batch, CirpTask
from training.cirp.towers import MINILM
from training.cirp.vectors import encode_items
from training.dataset import BOUGHT_TOGETHER, Ints, TrainingSet, read_training_set
from training.pictures import normalise_pixels
from training.text_tokens import load_tokenizer, pad_id, pad_tokens, tokenise
from training.trainer.checkpoint import learned_state

GOLDEN = {"itc_loss": 3.0780, "cic_loss": 3.0798, "feature_loss": 2.6147, "temperature": 0.07}
QUICK = replace(
    cirp_small(),
    itc_weight=1.0,
    batch=24,
    max_epochs=2,
    queue=16,
    trained_text_layers=0,
    train_tokens=8,
    image_px=32,
    dim=32,
    maps=cirp_small().maps[-1:],
    map_steps=100,
)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return load_profile(overrides={"home": tmp_path_factory.mktemp("home")})


@pytest.fixture(scope="module")
def training(profile: Profile) -> TrainingSet:
    version = write_tiny_lake(profile)["training_sets"]
    return read_training_set(profile, version=version, run=RUN, graph="full")


def make_task(training: TrainingSet, profile: Profile, recipe: CirpRecipe = QUICK) -> CirpTask:
    torch.manual_seed(0)
    model = build_cirp(recipe)
    return CirpTask(model, build_inputs(training.items, model, recipe, profile), build_graph(training, recipe), recipe)


def first_batch(task: CirpTask) -> Batch:
    return task.load(next(task.plans(torch.Generator().manual_seed(0))))


def without(training: TrainingSet, **fields: Any) -> TrainingSet:
    return TrainingSet(training.graph, replace(training.items, **fields), training.pairs)


def total(terms: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.stack([value for name, value in terms.items() if name.endswith("_loss")]).sum()


def die_and_go_on(training: TrainingSet, profile: Profile, recipe: CirpRecipe, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Train without a break, and with one in its second step; both end with the same vectors."""
    monkeypatch.setattr("training.cirp.fit.CHECKPOINT_EVERY", 1)
    monkeypatch.setattr("training.cirp.fit.CHECKPOINT_PAUSE", 0.0)
    train(training, recipe, folder / "whole", profile)
    original, seen = getattr(CirpTask, call), [0]

    def cut(self: CirpTask, *args: Any) -> dict[str, torch.Tensor]:
        seen[0] += 1
        if seen[0] == 2:
            raise KeyboardInterrupt
        found: dict[str, torch.Tensor] = original(self, *args)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(CirpTask, call, cut)
        with pytest.raises(KeyboardInterrupt):
            train(training, recipe, folder / "cut", profile)
    assert read_summary(folder / "cut") == {}
    train(training, recipe, folder / "cut", profile)
    whole, resumed = (load_file(folder / name / "vectors.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_batch_holds_its_leaders_neighbours_once_each(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile)
    batch = first_batch(task)
    assert len(set(batch.items.tolist())) == len(batch.items) <= 24
    assert task.known.edges.contains(batch.items[:, None], batch.items[None]).any(1).float().mean() > 0.6
    assert batch.images.dtype == torch.uint8
    assert len(batch.images) == len(batch.crops) == int(batch.has_image.sum())


def test_the_terms_are_those_that_the_recipe_names(training: TrainingSet, profile: Profile) -> None:
    named: dict[tuple[Term, ...], set[str]] = {
        ("itc", "cic"): {"itc_loss", "cic_loss", "feature_loss", "temperature"},
        ("itc",): {"itc_loss", "temperature"},
        ("cic",): {"cic_loss", "feature_loss", "temperature"},
    }
    for terms, expected in named.items():
        task = make_task(training, profile, replace(QUICK, terms=terms))
        assert set(task.losses(first_batch(task))) == expected
    assert "feature_loss" not in make_task(training, profile, replace(QUICK, feature_term=False)).losses(first_batch(task))


def test_the_golden_loss_of_the_first_batch_is_reproduced(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile)
    terms = task.losses(first_batch(task))
    assert {name: value.item() for name, value in terms.items()} == pytest.approx(GOLDEN, abs=2e-3)


@pytest.mark.parametrize(
    "fields", [{"images": (None,) * 60}, {"titles": (None,) * 60, "descriptions": (None,) * 60, "brands": (None,) * 60, "categories": ((),) * 60}]
)
def test_a_shop_without_pictures_or_without_texts_trains_on_what_is_there(training: TrainingSet, profile: Profile, fields: dict[str, Any]) -> None:
    task = make_task(without(training, **fields), profile, replace(QUICK, feature_term=False))
    terms = task.losses(first_batch(task))
    assert terms["itc_loss"] == terms["cic_loss"] == 0
    assert terms["feature_loss"] > 0
    torch.autograd.backward(total(terms))
    vectors = encode_items(task.model.cirp, task.inputs, np.arange(60), 8)
    assert torch.isfinite(vectors["feature"]).all()
    assert torch.allclose(vectors["feature"].norm(dim=1), torch.ones(60), atol=1e-5)


def test_a_modality_that_the_recipe_drops_is_missing_everywhere(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile, replace(QUICK, drop=("image",)))
    vectors = encode_items(task.model.cirp, task.inputs, np.arange(60), 8)
    assert not vectors["has_image"].any()
    assert vectors["image"].abs().sum() == 0
    assert vectors["has_text"].all()


def test_a_shop_of_one_item_trains(training: TrainingSet, profile: Profile) -> None:
    items = replace(training.items, **{name: getattr(training.items, name)[:1] for name in training.items.__slots__})
    task = make_task(TrainingSet("full", items, training.pairs.where(np.zeros(len(training.pairs), bool))), profile)
    terms = task.losses(first_batch(task))
    torch.autograd.backward(total(terms))
    assert torch.isfinite(total(terms))
    assert task.validate() == {}


def test_a_shop_of_one_edge_and_a_batch_of_one_train(training: TrainingSet, profile: Profile) -> None:
    lone = np.zeros(len(training.pairs), bool)
    lone[np.flatnonzero(np.isin(training.pairs.relations, BOUGHT_TOGETHER))[0]] = True
    task = make_task(TrainingSet("full", training.items, training.pairs.where(lone)), profile, replace(QUICK, batch=1, by_edges=False))
    plans = list(task.plans(torch.Generator().manual_seed(0)))
    assert len(plans) == 60
    joined = next(plan for plan in plans if len(plan.items) == 2)
    assert torch.isfinite(total(task.losses(task.load(joined)))), "both of its items are neighbours: there is no negative yet"
    for plan in plans[:5]:
        task.losses(task.load(plan))
    terms = task.losses(task.load(joined))
    assert terms["cic_loss"] > 0
    assert torch.isfinite(total(terms))


def test_a_text_of_a_hundred_thousand_characters_is_cut_where_the_recipe_says(training: TrainingSet, profile: Profile) -> None:
    long, short = ("red pan " * 12_500, "red pan " * 100)
    tasks = [make_task(without(training, titles=(text,) * 60), profile) for text in (long, short)]
    vectors = [encode_items(task.model.cirp, task.inputs, np.arange(2), QUICK.max_tokens)["text"] for task in tasks]
    assert torch.allclose(vectors[0], vectors[1], atol=1e-5)
    assert tasks[0].inputs.texts.spans[:, 1].max() <= QUICK.max_tokens


def test_the_cached_path_equals_the_whole_towers_path_for_every_item(training: TrainingSet, profile: Profile) -> None:
    recipe = replace(QUICK, trained_text_layers=1)
    task = make_task(training, profile, recipe)
    model, tokenizer = task.model.cirp.eval(), load_tokenizer(MINILM, recipe.max_tokens)
    vectors = encode_items(model, task.inputs, np.arange(60), recipe.max_tokens)
    ids, mask = map(torch.from_numpy, pad_tokens(tokenise(tokenizer, training.items.texts()), pad_id(tokenizer), recipe.max_tokens))
    with torch.no_grad():
        text, image = model.encode_text(ids, mask), model.encode_image(normalise_pixels(task.inputs.pictures.take(np.arange(60))))
        every = torch.ones(60, dtype=torch.bool)
        assert torch.allclose(vectors["text"], text, atol=1e-5)
        assert torch.allclose(vectors["image"], image, atol=1e-5)
        assert torch.allclose(vectors["feature"], model.feature(text, image, every, every), atol=1e-5)


FULL = replace(QUICK, momentum=0.9, soft_targets=0.4, ramp_epochs=1.0, edge_weights=True, learned_missing=True, by_edges=False, one_category=True)


def test_items_are_compared_with_a_momentum_encoder_that_follows_slowly(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile, FULL)
    momentum = task.model.momentum
    assert momentum is not None
    batch = task.prepare(first_batch(task))
    described = task.describe(batch)
    assert not described["target_text"].requires_grad
    weight, own = task.model.cirp.text_projection.linear.weight, momentum.cirp.text_projection.linear.weight
    before = own.clone()
    with torch.no_grad():
        weight.add_(1.0)
    task.after_step()
    assert torch.allclose(own, before + 0.1, atol=1e-6)
    task.compare(task.encode(batch), described)
    queued = task.model.queue.read()
    count = min(len(batch.items), len(queued.items))
    assert torch.allclose(queued.text.vectors[:count], described["target_text"][-count:], atol=1e-6)


def test_frozen_layers_are_shared_with_the_momentum_encoder_and_its_weights_stand_in_checkpoints(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile, FULL)
    assert task.model.momentum is not None
    assert task.model.momentum.cirp.text_tower.layers[0] is not task.model.cirp.text_tower.layers[0]
    shared = task.model.momentum.cirp.text_tower.layers[0].parameters()
    assert all(one is other for one, other in zip(shared, task.model.cirp.text_tower.layers[0].parameters(), strict=True))
    kept = learned_state(task.model)
    assert "momentum.cirp.text_projection.linear.weight" in kept
    assert not [name for name in kept if ".layers.0." in name]


def test_what_stands_for_a_missing_picture_is_part_of_queued_features_too(training: TrainingSet, profile: Profile) -> None:
    task = make_task(without(training, images=(None,) * 60), profile, replace(FULL, momentum=0.0, soft_targets=0.0, queue=12))
    assert task.model.cirp.missing is not None
    with torch.no_grad():
        task.model.cirp.missing[1, 0] = 3.0
    batch = first_batch(task)
    own = task.encode(task.prepare(batch))["whole"]
    task.losses(batch)
    count = min(12, len(own))
    assert torch.allclose(task._queued().fused.vectors[:count], own[-count:], atol=1e-5)
    assert not torch.allclose(task.model.queue.read().fused.vectors[:count], own[-count:], atol=1e-2)


def test_soft_targets_ramp_up_over_the_first_epochs(training: TrainingSet, profile: Profile) -> None:
    task = make_task(training, profile, FULL)
    batch, shares = first_batch(task), []
    for _ in range(task.steps_per_epoch() + 1):
        shares.append(task._softness())
        task.losses(batch)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.4)


def test_the_ends_of_edges_lead_a_batch_beside_items_without_any(training: TrainingSet, profile: Profile) -> None:
    lone = [i for i, name in enumerate(training.items.ids) if name.endswith("-1")]
    few = training.pairs.where(~np.isin(training.pairs.src, lone) & ~np.isin(training.pairs.dst, lone))
    task = make_task(TrainingSet("full", training.items, few), profile, replace(QUICK, batch=16))
    plans = [plan.items for plan in task.plans(torch.Generator().manual_seed(0))]
    joined = [task.known.joined[items] for items in plans]
    assert all(0 < int(which.sum()) <= 12 and 0 < int((~which).sum()) <= 4 for which in joined)
    relations = task.known.relate(torch.from_numpy(plans[0]), torch.from_numpy(plans[0]))
    assert relations.joined is not None
    assert torch.equal(relations.joined, joined[0]), "an item without an edge is no negative"
    assert relations.known[joined[0]].any(1).all()


def test_variants_of_a_product_are_no_negatives_of_each_other(training: TrainingSet, profile: Profile) -> None:
    items = replace(training.items, variant_of=tuple(f"p{i // 2}" for i in range(60)))
    task = make_task(TrainingSet("full", items, training.pairs), profile)
    relations = task.known.relate(torch.arange(4), torch.arange(4))
    assert relations.alike.tolist() == [[True, True, False, False]] * 2 + [[False, False, True, True]] * 2
    assert not (relations.known & relations.alike).any()


def test_the_items_that_lead_a_batch_are_of_one_category(training: TrainingSet, profile: Profile) -> None:
    mixed, alike = (make_task(training, profile, replace(QUICK, by_edges=False, one_category=choice)) for choice in (False, True))
    kinds = []
    for task in (mixed, alike):
        groups = task.planner.leaders(torch.Generator().manual_seed(0))
        assert sorted(torch.cat(groups).tolist()) == list(range(60))
        kinds.append(np.mean([len(set(task.planner.graph.categories[group.numpy()])) for group in groups]))
    assert kinds[1] < kinds[0] - 1


def test_a_recipe_with_soft_targets_and_no_momentum_is_refused() -> None:
    with pytest.raises(ConfigError, match="set momentum"):
        parse_config(CirpRecipe, {**asdict(QUICK), "soft_targets": 0.4}, where="recipe")


def test_with_everything_on_a_killed_training_goes_on_to_the_same_vectors(
    training: TrainingSet, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_and_go_on(training, profile, replace(FULL, trained_text_layers=1, save_memory=True, accumulate=2), tmp_path, monkeypatch, "compare")


def test_two_stages_begin_the_second_with_the_weights_of_the_first(training: TrainingSet, profile: Profile, tmp_path: Path) -> None:
    stage = Stage(epochs=1, lr=1e-3, trained_text_layers=1, trained_image_layers=0)
    seen: list[CirpRecipe] = []
    original = fit_module.train

    def remember(data: TrainingSet, recipe: CirpRecipe, *args: Any, **options: Any) -> dict[str, Any]:
        seen.append(recipe)
        return original(data, recipe, *args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fit_module, "train", remember)
        train(training, replace(QUICK, before=stage), tmp_path, profile)
    assert [(recipe.terms, recipe.trained_text_layers, recipe.lr) for recipe in seen] == [(("itc",), 1, 1e-3)]
    begun, plain = load_cirp(tmp_path)[0], build_cirp(QUICK)
    assert not (tmp_path / "before").exists()
    last, below = ([model.text_tower.layers[at].state_dict()["attention.self.query.weight"] for model in (begun, plain)] for at in (5, 4))
    assert not torch.equal(last[0], last[1])
    assert torch.equal(below[0], below[1])


def test_a_killed_training_goes_on_to_the_same_vectors_and_a_finished_one_is_left_alone(
    training: TrainingSet, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_and_go_on(training, profile, QUICK, tmp_path, monkeypatch, "losses")
    assert train(training, QUICK, tmp_path / "cut", profile)["unchanged"]


def test_vectors_that_were_encoded_before_a_kill_are_not_encoded_again(
    training: TrainingSet, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.cirp.vectors.BLOCK", 16)
    recipe, sizes = replace(QUICK, max_epochs=1), [0]

    def encode(model: Cirp, inputs: ItemInputs, items: Ints, max_tokens: int) -> dict[str, torch.Tensor]:
        if sum(sizes) == 32:
            sizes.append(0)
            raise KeyboardInterrupt
        sizes.append(len(items))
        return encode_items(model, inputs, items, max_tokens)

    train(training, recipe, tmp_path / "whole", profile)
    monkeypatch.setattr("training.cirp.vectors.encode_items", encode)
    with pytest.raises(KeyboardInterrupt):
        train(training, recipe, tmp_path / "cut", profile)
    sizes[0] = 1  # it dies no more
    train(training, recipe, tmp_path / "cut", profile)
    assert sizes == [1, 16, 16, 0, 16, 12]
    whole, resumed = (load_file(tmp_path / name / "vectors.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert not (tmp_path / "cut" / "encoded").exists()


def test_another_recipe_or_other_data_train_anew(training: TrainingSet, profile: Profile, tmp_path: Path) -> None:
    recipe = replace(QUICK, untrained=True)
    first = train(training, recipe, tmp_path, profile)
    other = train(without(training, titles=("thing",) * 60), recipe, tmp_path, profile)
    assert first["inputs"] != other["inputs"] != train(training, replace(recipe, seed=1), tmp_path, profile)["inputs"]


def test_the_folder_holds_the_vectors_and_a_model_that_loads_to_the_same(training: TrainingSet, profile: Profile, tmp_path: Path) -> None:
    summary = train(training, QUICK, tmp_path, profile, keep_untrained=True)
    vectors, before = load_file(tmp_path / "vectors.safetensors"), load_file(tmp_path / "untrained" / "vectors.safetensors")
    assert set(vectors) == {"text", "image", "has_text", "has_image", "feature"}
    assert not torch.allclose(vectors["feature"], before["feature"])
    model, recipe = load_cirp(tmp_path)
    again = encode_items(model, build_inputs(training.items, model, recipe, profile), np.arange(60), recipe.max_tokens)
    assert torch.allclose(again["feature"], vectors["feature"], atol=1e-6)
    assert summary["preprocess"]["image_px"] == recipe.image_px == 32
    assert summary["train_s"] > summary["maps"]["seconds"] > 0
    assert (tmp_path / "tokenizer.json").is_file()
    assert not (tmp_path / "checkpoints").exists()


def test_a_folder_that_was_cut_off_before_its_recipe_is_not_taken_for_complete(training: TrainingSet, profile: Profile, tmp_path: Path) -> None:
    recipe = replace(QUICK, untrained=True)
    train(training, recipe, tmp_path, profile)
    (tmp_path / "recipe.json").unlink()
    write_atomically(tmp_path / "vectors.safetensors", "cut")
    train(training, recipe, tmp_path, profile)
    assert len(load_file(tmp_path / "vectors.safetensors")["feature"]) == 60
