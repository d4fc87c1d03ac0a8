"""MMSC as a ranker: vectors, counting and content together (``training.scorers.RelationScorer``)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goeswith.config import parse_config
from goeswith.errors import ModelInvalid
from training.dataset import Floats, Ints, TrainingSet
from training.mmsc.heuristics import PairFeatures
from training.mmsc.lesson import pair_columns
from training.mmsc.recipe import MmscRecipe
from training.mmsc.reranker import Blend, Reranker, load_reranker
from training.mmsc.stored import StoredVectors, load_vectors

EDGE_ODDS = 5.0
"""How much an edge of even chances, beside what foretells it, adds to the odds (ADR 20): one that was seen once is mostly noise."""


@dataclass(frozen=True, slots=True)
class MmscScorer:
    """Scores in [0, 1]. A task that had too few hidden pairs to learn a re-ranker scores by its vectors alone, (1 + cosine) / 2."""

    vectors: StoredVectors
    heuristics: PairFeatures
    rerankers: dict[str, Reranker]
    name: str = "mmsc"

    def threshold(self, kind: str) -> float | None:
        """Return the least score of a task that is sure; None where nothing taught one."""
        return self.rerankers[kind].blend.threshold if kind in self.rerankers else None

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return scores (B, C). A known edge of weight w is evidence of its own: it makes the odds ``1 + EDGE_ODDS w / (1 - w)`` times as great."""
        step = max(1, min(self.heuristics.block, 1_000_000 // max(1, candidates.shape[1])))
        found = np.zeros(candidates.shape, dtype=np.float32)
        for at in range(0, len(src), step):
            found[at : at + step] = self._block(kind, src[at : at + step], candidates[at : at + step])
        return found

    def _block(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        if kind in self.rerankers:
            found = self.rerankers[kind].score(pair_columns(self.vectors, self.heuristics, kind, src, candidates))
        else:
            found = np.asarray((1 + self.vectors.cosines(kind, src, candidates)[..., 0]) / 2, dtype=np.float32)
        return with_edges(found, self.heuristics.known_weight(kind, src, candidates))


def with_edges(scores: Floats, weights: Floats) -> Floats:
    """Return ``scores`` of pairs without their own edge, given the edges' ``weights`` of the same shape, 0 where there is none."""
    likelier = 1 + EDGE_ODDS * weights / np.maximum(1 - weights, np.float32(1e-3))
    return np.asarray(scores * likelier / (1 - scores + scores * likelier), dtype=np.float32)


def load_scorer(folder: Path, training_set: TrainingSet) -> MmscScorer:
    """Load the scorer of a model folder; counting uses the edges of ``training_set``, no others.

    Raises ``ModelInvalid`` where the folder is not complete or speaks of other items.
    """
    if not (folder / "recipe.json").is_file():
        raise ModelInvalid(f"{folder} holds no complete MMSC", "run the job train_mmsc")
    if tuple(json.loads((folder / "items.json").read_text(encoding="utf-8"))) != training_set.items.ids:
        raise ModelInvalid(f"the model in {folder} knows other items than the training set", "train and score with the same training set")
    note = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    if not isinstance(note["rerankers"], dict):
        raise ModelInvalid(f"{folder} was written before re-rankers were blended", "run the job train_mmsc")
    heuristics = PairFeatures.for_recipe(read_recipe(folder), training_set.items, training_set.pairs)
    rerankers = {kind: load_reranker(reranker_path(folder, kind), Blend(**blend)) for kind, blend in note["rerankers"].items()}
    return MmscScorer(load_vectors(folder / "vectors.safetensors"), heuristics, rerankers)


def read_recipe(folder: Path) -> MmscRecipe:
    """Return the recipe by which the model of a complete folder was trained."""
    note = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    return parse_config(MmscRecipe, note["recipe"], where=str(folder))


def reranker_path(folder: Path, kind: str) -> Path:
    """Return where a task's trees lie, as LightGBM's text."""
    return folder / f"reranker_{kind}.txt"
