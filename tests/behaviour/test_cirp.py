"""What a trained CIRP does that an untrained one does not: it finds the partners of items that have no relation yet.

The tiny shop with its texts replaced: a word that tells nothing about its partner's word. So which category goes with which is in
the behaviour only, and the colour is in the pictures only; half of the queries have lost all their edges.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from goeswith.profile import Profile, load_profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.cirp.files import load_cirp
from training.cirp.fit import train
from training.cirp.recipe import CirpRecipe, cirp_small
from training.cirp.towers import MINILM
from training.dataset import Ints, TrainingSet, read_training_set
from training.text_tokens import load_tokenizer, pad_id, pad_tokens, tokenise

WORDS = {"racket": "walrus", "balls": "teapot", "pan": "violin", "spatula": "cactus", "pen": "glacier", "notebook": "lantern"}
RECIPE = replace(cirp_small(), batch=32, image_px=32, warmup=5, max_epochs=25, map_steps=300)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return load_profile(overrides={"home": tmp_path_factory.mktemp("home")})


@pytest.fixture(scope="module")
def shop(profile: Profile) -> TrainingSet:
    """Return the whole shop: what is true."""
    version = write_tiny_lake(profile)["training_sets"]
    training = read_training_set(profile, version=version, run=RUN, graph="full")
    words = tuple(WORDS[path[1]] for path in training.items.categories)
    items = replace(training.items, titles=words, descriptions=(None,) * 60, brands=(None,) * 60, categories=tuple((word,) for word in words))
    return TrainingSet(training.graph, items, training.pairs)


@pytest.fixture(scope="module")
def cold(shop: TrainingSet) -> Ints:
    """Return the items that lose their edges."""
    return np.array([i for i, name in enumerate(shop.items.ids) if name.endswith("-1")])


@pytest.fixture(scope="module")
def training(shop: TrainingSet, cold: Ints) -> TrainingSet:
    """Return what the model may see."""
    return TrainingSet("full", shop.items, shop.pairs.where(~np.isin(shop.pairs.src, cold) & ~np.isin(shop.pairs.dst, cold)))


def learn(training: TrainingSet, profile: Profile, folder: Path, recipe: CirpRecipe = RECIPE) -> torch.Tensor:
    train(training, recipe, folder, profile)
    return load_file(folder / "vectors.safetensors")["feature"]


@pytest.fixture(scope="module")
def trained(training: TrainingSet, profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.Tensor, Path]:
    folder = tmp_path_factory.mktemp("trained")
    return learn(training, profile, folder), folder


def partner_recall(x: torch.Tensor, shop: TrainingSet, queries: Ints) -> float:
    """Return which share of the true partners of ``queries`` stands among the best four of the other categories."""
    categories, partners = shop.items.categories, shop.pairs.of_type("complement")
    scores = x @ x.T
    for i, category in enumerate(categories):
        scores[i, [j for j, other in enumerate(categories) if other == category]] = -torch.inf
    best = scores.topk(4).indices
    asked = np.isin(partners.src, queries)
    return float(np.mean([j in best[i] for i, j in zip(partners.src[asked], partners.dst[asked], strict=True)]))


def test_trained_finds_the_partners_of_items_without_relations_and_untrained_does_not(
    trained: tuple[torch.Tensor, Path], shop: TrainingSet, training: TrainingSet, cold: Ints, profile: Profile, tmp_path: Path
) -> None:
    untrained = learn(training, profile, tmp_path, replace(RECIPE, untrained=True))
    assert partner_recall(trained[0], shop, cold) > max(0.6, partner_recall(untrained, shop, cold) + 0.2)


def test_shuffled_neighbours_hurt(
    trained: tuple[torch.Tensor, Path], shop: TrainingSet, training: TrainingSet, cold: Ints, profile: Profile, tmp_path: Path
) -> None:
    shuffled = learn(training, profile, tmp_path, replace(RECIPE, shuffle_neighbours=True))
    assert partner_recall(trained[0], shop, cold) > partner_recall(shuffled, shop, cold) + 0.2


def test_without_pictures_the_partner_category_is_still_learned_but_not_its_colour(
    trained: tuple[torch.Tensor, Path], shop: TrainingSet, training: TrainingSet, cold: Ints, profile: Profile, tmp_path: Path
) -> None:
    texts_only = learn(training, profile, tmp_path, replace(RECIPE, drop=("image",)))
    scores = texts_only @ texts_only.T
    words = np.array(shop.items.titles)
    partner = {WORDS[a]: WORDS[b] for a, b in (("racket", "balls"), ("pan", "spatula"), ("pen", "notebook"))}
    for a, b in partner.items():
        others = [w for w in WORDS.values() if w not in (a, b)]
        assert all(scores[words == a][:, words == b].mean() > scores[words == a][:, words == w].mean() for w in others)
    assert partner_recall(texts_only, shop, cold) < partner_recall(trained[0], shop, cold) - 0.2


@torch.no_grad()
def test_a_typo_in_the_title_changes_little(trained: tuple[torch.Tensor, Path]) -> None:
    model, recipe = load_cirp(trained[1])
    tokenizer = load_tokenizer(MINILM, recipe.max_tokens)
    texts = ["walrus. walrus", "walruss. walrus"]
    ids, mask = map(torch.from_numpy, pad_tokens(tokenise(tokenizer, [*texts, "lantern. lantern"]), pad_id(tokenizer)))
    t = model.text_projection(model.encode_text(ids, mask))
    typo, other = 1 - t[0] @ t[1], 1 - t[0] @ t[2]
    assert typo < 0.3 * other
