"""From a training set and frozen tokens to a complete model folder: split, fit, teach the re-rankers, write."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from goeswith.results import write_atomically, write_json
from training.dataset import Pairs, TrainingSet
from training.mmsc.content import Tokens
from training.mmsc.graph import ALIKE, RelationGraph, build_graph
from training.mmsc.lesson import Lesson
from training.mmsc.model import Behaviour, Mmsc
from training.mmsc.pairs import Split, nearest_pairs, split_pairs, with_content_pairs
from training.mmsc.recipe import KINDS, MmscRecipe, as_values
from training.mmsc.reranker import Reranker, fit_reranker
from training.mmsc.scorer import reranker_path
from training.mmsc.start import start_features
from training.mmsc.stored import StoredVectors, store_vectors, write_vectors
from training.mmsc.task import MmscTask
from training.mmsc.vectors import ItemVectors, encode_items, lend_behaviour, read_content_and_paths, relate_all
from training.trainer.checkpoint import remove_checkpoints, save_tensors
from training.trainer.loop import Row, fit


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model and what it says of all items, with every known edge in the graph that it reads."""

    model: Mmsc
    vectors: StoredVectors
    rerankers: dict[str, Reranker]
    curve: list[Row]
    by_content: tuple[str, ...]
    """Tasks without a single edge: they answer by content."""


def fit_mmsc(data: TrainingSet, tokens: Tokens, recipe: MmscRecipe, folder: Path, *, inputs: Mapping[str, Any]) -> Fitted:
    """Train on ``data``; ``folder`` holds curve and checkpoints, from which a killed run goes on. ``inputs`` names what was read."""
    tokens = tokens.only(recipe.modalities)
    split = split_pairs(data.pairs, len(data.items), recipe)
    losses_on, by_content = with_content_pairs(split.kept, tokens)
    shaped = _without_paths(recipe, by_content)
    alike = nearest_pairs(tokens, ALIKE) if ALIKE in "".join(shaped.all_paths()) else None
    graph_of = partial(build_graph, num_items=len(data.items), fresh=recipe.fresh_walks, alike=alike)
    graph = graph_of(split.kept)
    torch.manual_seed(recipe.seed)
    model = Mmsc(shaped, tokens.sizes, start_features(graph, recipe.item_width, recipe.seed))
    task = MmscTask(shaped, model, tokens, graph, replace(split, kept=losses_on))
    values = {"recipe": as_values(shaped), "inputs": dict(inputs)}
    curve = fit(task, shaped.trainer(task.num_pairs), folder, recipe=values, what=f"mmsc {data.graph}") if len(losses_on) else []
    model.cpu().eval()
    rerankers = fit_rerankers(model, tokens, graph, split, data, shaped) if recipe.trees else {}
    vectors = encode_items(model, tokens, graph_of(data.pairs), shaped)
    return Fitted(model, store_vectors(vectors, tokens), rerankers, curve, by_content)


def _without_paths(recipe: MmscRecipe, kinds: tuple[str, ...]) -> MmscRecipe:
    """Return the recipe in which tasks without edges read no paths: nothing taught them what a path is worth."""
    none: dict[str, Any] = {f"{kind}_paths": () for kind in kinds}
    return replace(recipe, **none)


def fit_rerankers(model: Mmsc, tokens: Tokens, graph: RelationGraph, split: Split, data: TrainingSet, recipe: MmscRecipe) -> dict[str, Reranker]:
    """Return the re-ranker of each task that has hidden pairs; no feature is read from the pair itself."""
    content, own = read_content_and_paths(model, tokens, graph, recipe)
    everyone = torch.arange(len(content))
    as_cold = lend_behaviour(content, own, recipe, only=everyone)
    warm, cold = (_stored(model, tokens, content, own, b) for b in (lend_behaviour(content, own, recipe), as_cold))
    found = {kind: fit_reranker(_lesson(kind, split, data, warm, cold, recipe)) for kind in KINDS}
    return {kind: reranker for kind, reranker in found.items() if reranker is not None}


def _lesson(kind: str, split: Split, data: TrainingSet, warm: StoredVectors, cold: StoredVectors, recipe: MmscRecipe) -> Lesson:
    own, new = split.hidden.types == kind, np.ones(len(data.items), dtype=np.bool_)
    new[split.known.src] = new[split.known.dst] = False
    return Lesson(kind, data.items, data.pairs, split.known, split.hidden.where(own), split.rounds[own], warm, cold, recipe, new)


def _stored(model: Mmsc, tokens: Tokens, content: torch.Tensor, own: Behaviour, behaviour: Behaviour) -> StoredVectors:
    return store_vectors(ItemVectors(content, behaviour, own.known, relate_all(model, content, behaviour)), tokens)


def write_model(folder: Path, fitted: Fitted, data: TrainingSet, recipe: MmscRecipe, inputs: Mapping[str, Any]) -> None:
    """Write the folder; ``recipe.json`` comes last and marks it complete."""
    save_tensors(folder / "model.safetensors", fitted.model.state_dict())
    for kind, reranker in fitted.rerankers.items():
        write_atomically(reranker_path(folder, kind), reranker.text())
    write_json(folder / "items.json", list(data.items.ids))
    write_vectors(folder / "vectors.safetensors", fitted.vectors)
    blends = {kind: asdict(fitted.rerankers[kind].blend) for kind in sorted(fitted.rerankers)}
    note = {"recipe": as_values(recipe), "inputs": dict(inputs), "by_content": list(fitted.by_content), "rerankers": blends}
    write_json(folder / "recipe.json", note)
    remove_checkpoints(folder)


def graph_size(pairs: Pairs) -> dict[str, int]:
    """Return the number of directed edges by task."""
    return {kind: int((pairs.types == kind).sum()) for kind in KINDS}
