"""What is learned from units, as the arrays that ``model_repository.completion`` reads: the set encoder's targets, who met whom, which facets fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD

from model_repository.completion import Completion, Settings
from training.bundles.facets import Facet, affinity, list_facets
from training.bundles.lessons import Lessons
from training.bundles.recipe import BundleRecipe
from training.bundles.set_encoder import SetEncoder
from training.bundles.set_task import SetTask, draw_cases, encode_given, encode_targets
from training.dataset import Floats, Ints, Items, log_prices, variant_groups
from training.trainer.loop import TrainerConfig, fit
from training.words import all_words, title_words

NUMBERED = 0.5
"""Share of the items whose product has a number, from which on numbers are taken to mean something."""
STEPS = 40

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Content:
    """What items say of themselves; no unit is needed to know it."""

    dense: Mapping[str, Floats]
    """Unit vectors (N, d) by modality, zero where it is missing."""
    sparse: Mapping[str, sp.csr_matrix]
    """TF-IDF (N, F) of titles and of all texts, rows of length 1; left out where there are no words."""
    inputs: Floats
    """(N, w): what the set encoder reads of an item, rows of length 1."""
    facets: tuple[Facet, ...]
    variants: Ints
    places: Mapping[str, Floats]
    """(N,) log ``price`` and product ``number``, NaN where unknown."""

    @property
    def words(self) -> sp.csr_matrix | None:
        """All sparse channels beside each other (N, F), so that dot products are the mean of their cosines; None where there are no words."""
        if not self.sparse:
            return None
        return sp.hstack(list(self.sparse.values())).tocsr() * np.float32(len(self.sparse) ** -0.5)


def read_content(items: Items, vectors: Mapping[str, Floats], recipe: BundleRecipe) -> Content:
    """Return what the items and CIRP's tower vectors (``text``, ``image``) say."""
    dense = {name: unit_rows(vectors[name]) for name in ("text", "image") if np.any(vectors[name])}
    sparse = {name: matrix for name, matrix in (("title", title_words(items)), ("words", all_words(items))) if matrix is not None}
    blocks = [*dense.values(), *([reduce_words(sparse["words"], recipe)] if "words" in sparse else [])]
    inputs = unit_rows(np.hstack(blocks)) if blocks else np.ones((len(items), 1), dtype=np.float32)
    places = {"price": log_prices(items.prices), "number": product_numbers(items)}
    return Content(dense, sparse, inputs, tuple(list_facets(items)), variant_groups(items), places)


def product_numbers(items: Items) -> Floats:
    """Return the products' own numbers (N,), 1 a fortieth of their usual range; NaN where a shop does not number its products.

    ``variant_of`` is what a shop calls a product; an item's id may be ours, in an order that tells what we want to find out.
    """
    named = [float(name) if name and name.isdecimal() else np.nan for name in items.variant_of]
    numbers = np.array(named, dtype=np.float64)
    if np.isfinite(numbers).mean() < NUMBERED:
        return np.full(len(items), np.nan, dtype=np.float32)
    low, high = np.nanquantile(numbers, (0.05, 0.95))
    return np.asarray((numbers - low) / max(1.0, (high - low) / STEPS), dtype=np.float32)


def unit_rows(rows: Floats) -> Floats:
    """Return rows of length 1; zero rows stay zero."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def reduce_words(words: sp.csr_matrix, recipe: BundleRecipe) -> Floats:
    """Return the words in ``word_dim`` dimensions or fewer (N, d), rows of length 1."""
    width = min(recipe.word_dim, min(words.shape) - 1)
    if width < 1:
        return np.zeros((words.shape[0], 1), dtype=np.float32)
    return unit_rows(TruncatedSVD(width, random_state=recipe.seed).fit_transform(words).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A trained set encoder and the arrays behind the features."""

    encoder: SetEncoder
    arrays: Arrays
    settings: Settings

    def completion(self) -> Completion:
        """Return the features' side of it."""
        return Completion(self.arrays, self.settings)

    def query(self, given: Ints) -> Floats:
        """Return the set encoder's query (d,) of given items."""
        return encode_given(self.encoder, self.arrays["set_input"], given.tolist())


def learn(units: Lessons, content: Content, recipe: BundleRecipe, folder: Path, what: str) -> Knowledge:
    """Return what units teach. ``folder`` holds the set encoder's checkpoints: a training that was killed goes on from there."""
    size = len(content.variants)
    src, dst = pairs_within(units.members)
    arrays: Arrays = {"set_input": content.inputs, "variants": content.variants}
    arrays |= {f"place_{name}": values for name, values in content.places.items()}
    arrays |= {f"near_{name}": rows for name, rows in content.dense.items()}
    for name, matrix in content.sparse.items():
        arrays |= sparse_arrays(f"near_{name}", matrix)
    arrays |= sparse_arrays("met", sp.coo_matrix((np.ones(len(src)), (src, dst)), (size, size)).tocsr())
    arrays["facets"] = np.stack([f.codes for f in content.facets], axis=1) if content.facets else np.zeros((size, 0), dtype=np.int64)
    arrays |= {f"affinity_{i}": affinity(facet, src, dst) for i, facet in enumerate(content.facets)}
    encoder = fit_set_encoder(units, content, recipe, folder, what)
    arrays["set_target"] = encode_targets(encoder, content.inputs)
    arrays["word_share"] = encoder.word_share.detach().numpy().reshape(1)
    return Knowledge(encoder, arrays, settings_of(content, recipe))


def settings_of(content: Content, recipe: BundleRecipe) -> Settings:
    """Return which channels and facets there are."""
    return Settings(tuple(content.dense), tuple(content.sparse), tuple(f.name for f in content.facets), recipe.candidates)


def fit_set_encoder(units: Lessons, content: Content, recipe: BundleRecipe, folder: Path, what: str) -> SetEncoder:
    """Return the set encoder trained on units; as it starts where there are none."""
    task = SetTask(draw_cases(units, recipe.most_cases, recipe.seed), content.inputs, content.words, recipe)
    config = TrainerConfig(epochs=recipe.epochs, lr=recipe.lr, weight_decay=recipe.weight_decay, schedule="cosine", seed=recipe.seed)
    if len(units):
        fit(task, config, folder, recipe={"units": len(units)}, what=what)
    return task.model.cpu().eval()


def pairs_within(units: tuple[tuple[int, ...], ...]) -> tuple[Ints, Ints]:
    """Return all ordered pairs (P,) of different items that stand in one unit."""
    pairs = [(a, b) for unit in units for a in unit for b in unit if a != b]
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def sparse_arrays(name: str, matrix: sp.csr_matrix) -> Arrays:
    """Return a matrix as ``completion.Sparse`` reads it."""
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    return {
        f"{name}_indptr": matrix.indptr.astype(np.int64),
        f"{name}_indices": matrix.indices.astype(np.int64),
        f"{name}_data": matrix.data.astype(np.float32),
    }
