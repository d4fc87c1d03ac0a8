"""Our trained models as scorers: their vectors are read as files; only MMSC is ever trained anew, on what it may know."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from goeswith.errors import DataContractError
from training.bundle_cases import BundleCases
from training.dataset import Floats, Times, TrainingSet
from training.evaluation.bundle_protocol import rank_bundles
from training.evaluation.metrics import gains
from training.evaluation.ranker import BundleRanker, RelationRanker
from training.evaluation.similarity import DenseDot, Mix, Similarity
from training.mmsc.fit import fit_mmsc
from training.mmsc.heuristics import PairFeatures
from training.mmsc.scorer import MmscScorer, read_recipe
from training.mmsc.tokens import read_cirp_tokens
from training.trainer.checkpoint import load_tensors

MIX_WEIGHTS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of the encoder in the mix with words; one is chosen on validation bundles."""

CHOICE_CASES = 600


def read_vectors(folder: Path, training: TrainingSet) -> dict[str, Floats]:
    """Read CIRP's ``vectors.safetensors``. Raises ``DataContractError`` where its items are not those of the training set."""
    require_items(folder, training)
    return {name: tensor.numpy() for name, tensor in load_tensors(folder / "vectors.safetensors", "train_cirp").items()}


def require_items(folder: Path, training: TrainingSet) -> None:
    """Raise ``DataContractError`` where a model's items are not those of the training set."""
    if tuple(json.loads((folder / "items.json").read_text(encoding="utf-8"))) != training.items.ids:
        raise DataContractError(f"{folder} knows other items than the training set", "train the model again in this run")


def retrained(models: Path, training: TrainingSet, *, strict: bool) -> MmscScorer:
    """Return MMSC by the recipe of the one in ``models``, trained on ``training``.

    ``strict``: that lacks the tested pairs in both tasks, so its trees learn on pairs that lack both edges, too. CIRP's towers, whose vectors
    are its tokens, stay: they read texts and pictures alone.
    """
    require_items(models / "mmsc", training)
    own = read_recipe(models / "mmsc")
    recipe = replace(own, bare=1.0) if strict else own
    tokens = read_cirp_tokens(models / "cirp", training.items)
    with TemporaryDirectory() as folder:
        fitted = fit_mmsc(training, tokens, recipe, Path(folder), inputs={})
    return MmscScorer(fitted.vectors, PairFeatures.for_recipe(recipe, training.items, training.pairs), fitted.rerankers)


def encoder_ranker(name: str, features: Floats) -> RelationRanker:
    """Return ItemKNN over item features (N, d), whatever is asked."""
    similarity = DenseDot(features.astype(np.float32), features.astype(np.float32))
    return RelationRanker(name, similarity, similarity)


def unit(features: Floats) -> Floats:
    """Return the rows at length 1, so that dot products are cosines."""
    found: Floats = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return found


def mixed_with_words(name: str, features: Floats, words: Similarity, cases: BundleCases, training: TrainingSet, known_at: Times) -> BundleRanker:
    """Return the encoder's cosine and the words' cosine, mixed by the share that ranks validation bundles best (NDCG@20)."""
    near = DenseDot(unit(features), unit(features))
    options = [BundleRanker(name, Mix(((near, share), (words, 1 - share)))) for share in MIX_WEIGHTS]
    few = cases.take(slice(CHOICE_CASES))
    reached = [float(gains(rank_bundles(option, few, training, known_at).all, 20).mean()) for option in options]
    return options[int(np.argmax(reached))]
