"""Small trained parts over the tiny shop: all that an export is made of, in a second and without an epoch of training."""

import atexit
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from transformers import BertConfig, BertModel

from goeswith.jobs import JobRun
from goeswith.model_contract import Precision
from goeswith.pictures import read_picture
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.bundles.fit import Fitted, fit_bundles
from training.bundles.recipe import BundleRecipe
from training.cirp.model import Cirp
from training.cirp.recipe import cirp_small
from training.cirp.towers import MINILM, ConvTower, TextTower
from training.dataset import Items, TrainingSet, read_training_set
from training.export.build import Origin, write_export
from training.export.preprocess import Preprocess, raw_tensors
from training.export.trained import Trained
from training.jobs.train_bundles import read_lessons
from training.mmsc.content import Tokens
from training.mmsc.graph import build_graph
from training.mmsc.model import Mmsc
from training.mmsc.recipe import MmscRecipe
from training.mmsc.start import start_features
from training.mmsc.stored import store_vectors
from training.mmsc.vectors import encode_items
from training.text_tokens import load_tokenizer

WIDTH = 24
TINY_BUNDLES = BundleRecipe(dim=8, heads=2, word_dim=8, batch=64, epochs=1, folds=3, asked=400, candidates=40, tree_negatives=20, rounds=8)


def tiny_cirp() -> Cirp:
    """Return CIRP with towers of two narrow layers; MiniLM's own vocabulary."""
    config = BertConfig(hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=2 * WIDTH)
    bert = BertModel(config, add_pooling_layer=False)
    text = TextTower(bert.embeddings, list(bert.encoder.layer), trained=1, pool="mean", width=WIDTH)
    return Cirp(text, ConvTower(WIDTH), replace(cirp_small(), image_px=16, max_tokens=16, dim=WIDTH)).eval()


def raw_fields(items: Items, pictures: Path) -> dict[str, np.ndarray]:
    """Return all items as a shop would send them."""
    images = [read_picture(pictures, ref) if ref else b"" for ref in items.images]
    columns = {
        "title": [(t or "").encode() for t in items.titles],
        "description": [(t or "").encode() for t in items.descriptions],
        "brand": [(t or "").encode() for t in items.brands],
        "category": [" > ".join(path).encode() for path in items.categories],
        "image": images,
    }
    return {name: np.array(values, dtype=np.object_).reshape(-1, 1) for name, values in columns.items()}


@torch.no_grad()
def tiny_trained(profile: Profile, seed: int = 0) -> Trained:
    """Return trained parts of the released tiny lake; ``seed`` gives other weights."""
    torch.manual_seed(seed)
    versions = write_tiny_lake(profile)
    data = read_training_set(profile, version=versions["training_sets"], run=RUN, graph="full")
    preprocess = Preprocess(tokenizer=load_tokenizer(MINILM, 16), max_tokens=16, image_px=16)
    towers = tiny_cirp()
    tensors = {name: torch.from_numpy(a) for name, a in raw_tensors(preprocess, raw_fields(data.items, profile.pictures)).items()}
    text = towers.encode_text(tensors["input_ids"], tensors["attention_mask"])
    image = towers.encode_image(tensors["pixels"])
    there = {"text": tensors["has_text"][:, 0] > 0, "image": tensors["has_image"][:, 0] > 0}
    recipe = MmscRecipe(width=WIDTH, item_width=16)
    cold = data.pairs.where((data.pairs.src > 3) & (data.pairs.dst > 3))
    graph = build_graph(cold, len(data.items))
    mmsc = Mmsc(recipe, {"text": WIDTH, "image": WIDTH}, start_features(graph, recipe.item_width, seed)).eval()
    tokens = Tokens({"text": text[:, None], "image": image[:, None]}, there)
    feature = towers.feature(text, image, there["text"], there["image"]).numpy()
    stored = store_vectors(encode_items(mmsc, tokens, graph, recipe), tokens)
    bundles = tiny_bundles(data, {"text": text.numpy(), "image": image.numpy()}, versions, profile)
    return Trained(
        items=data.items, towers=towers, mmsc=mmsc, mmsc_recipe=recipe, preprocess=preprocess, feature=feature, vectors=stored, bundles=bundles
    )


@torch.enable_grad()
def tiny_bundles(data: TrainingSet, vectors: dict[str, np.ndarray], versions: dict[str, int], profile: Profile) -> Fitted:
    """Return bundle completion after a few steps over the tiny shop's baskets, with trees."""
    job = JobRun(profile=profile, run_id=RUN, versions=versions)
    bundles, baskets = read_lessons(job, data, TINY_BUNDLES)
    with TemporaryDirectory(prefix="goeswith-tiny-") as folder:
        fitted = fit_bundles(data.items, vectors, bundles, baskets, TINY_BUNDLES, Path(folder))
    if fitted.trees is None:
        raise AssertionError("trees rank the tiny shop no better than words")
    return fitted


def write_tiny_export(profile: Profile, run: str = RUN, seed: int = 0, precision: Precision = "float32") -> Path:
    """Write an export of the tiny shop and return its folder."""
    folder = profile.models / run / "export"
    origin = Origin(
        run=run,
        release=RUN,
        made_from=f"tiny {seed}",
        recipes={"cirp": "tiny", "mmsc": "tiny"},
        seed=seed,
        metrics=(),
        feature_names=("title", "image"),
    )
    write_export(tiny_trained(profile, seed), origin, folder, profile.pictures, precision)
    return folder


@cache
def shared_home() -> Path:
    """Return a home that holds the tiny shop and its export, made once for all tests of this process; copy it before you change it."""
    folder = TemporaryDirectory(prefix="goeswith-tiny-")
    atexit.register(folder.cleanup)
    write_tiny_export(load_profile(overrides={"home": Path(folder.name)}))
    return Path(folder.name)
