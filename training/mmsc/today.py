"""A trained MMSC over the catalogue of today: vectors of the items that came or changed since, by the model as it is.

N items were trained on, C stand in the catalogue now, M of these are ``changed``: they came, or their text or picture is another.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.dataset import Bools, Ints, Items, Pairs, TrainingSet
from training.mmsc.content import Tokens
from training.mmsc.heuristics import PairFeatures
from training.mmsc.load import load_mmsc
from training.mmsc.model import Behaviour, Mmsc
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.scorer import MmscScorer, load_scorer
from training.mmsc.stored import SOURCES, StoredVectors, store_vectors
from training.mmsc.vectors import ItemVectors, lend_behaviour, look, relate_all

GONE = -1
OWN = SOURCES.index("behaviour")


@dataclass(frozen=True, slots=True)
class Today:
    """Who is who: ``at`` (C,) where each item of ``items`` stood in training, ``GONE`` for one that came since; ``changed`` (M,) of the C."""

    items: Items
    at: Ints
    changed: Ints


def compare(trained: Items, now: Items, changed: Bools) -> Today:
    """Return who is who; ``changed`` (C,) marks the items whose text or picture is another, those that came are marked here."""
    position = trained.positions()
    at = np.array([position.get(item, GONE) for item in now.ids], dtype=np.int64)
    return Today(now, at, np.flatnonzero(changed | (at == GONE)))


def scorer_of(folder: Path, training: TrainingSet, today: Today, tokens: Tokens) -> tuple[MmscScorer, TrainingSet]:
    """Return the model of ``folder`` over today's items, and their training set; ``tokens`` are those of the changed items.

    Edges are those that it was trained on, less those of items that are gone. Raises ``ModelInvalid`` as ``load_scorer`` and ``load_mmsc`` do.
    """
    scorer, (model, recipe) = load_scorer(folder, training), load_mmsc(folder)
    vectors = _carried(scorer.vectors, today.at)
    _renew(model, recipe, vectors, today.changed, tokens)
    data = TrainingSet(training.graph, today.items, _carried_pairs(training.pairs, today.at, len(training.items)))
    return MmscScorer(vectors, PairFeatures.for_recipe(recipe, data.items, data.pairs), scorer.rerankers), data


def _carried(vectors: StoredVectors, at: Ints) -> StoredVectors:
    """Return a copy of the vectors in today's order, zeros for items that came."""
    there = at != GONE
    return StoredVectors(
        {name: np.where(there.reshape(-1, *[1] * (rows.ndim - 1)), rows[at], 0).astype(rows.dtype) for name, rows in vectors.tensors.items()}
    )


def _carried_pairs(pairs: Pairs, at: Ints, trained: int) -> Pairs:
    """Return the pairs of which both ends are left, by today's positions."""
    now = np.full(trained, GONE, dtype=np.int64)
    now[at[at != GONE]] = np.flatnonzero(at != GONE)
    left = pairs.where((now[pairs.src] != GONE) & (now[pairs.dst] != GONE))
    ends = {"src": now[left.src], "dst": now[left.dst]}
    return Pairs(**{part.name: ends.get(part.name, getattr(left, part.name)) for part in fields(Pairs)})


@torch.no_grad()
def _renew(model: Mmsc, recipe: MmscRecipe, vectors: StoredVectors, changed: Ints, tokens: Tokens) -> None:
    """Make the rows of the changed items anew, in place: content from their tokens, behaviour their own or lent (Eq. 12)."""
    at = torch.from_numpy(changed)
    content = torch.from_numpy(vectors.tensors["content"]).index_put((at,), model.contents(tokens))
    own = {kind: torch.from_numpy(vectors.sources(kind) == OWN) for kind in KINDS}
    p = {kind: torch.from_numpy(vectors.tensors[f"behaviour_{kind}"]) for kind in KINDS}
    behaviour = _behaviour_of(at, lend_behaviour(content, Behaviour(p, own), recipe, only=at), Behaviour(p, own))
    warm = {kind: own[kind][at] for kind in KINDS}
    made = ItemVectors(content[at], behaviour, warm, relate_all(model, content[at], behaviour), look(model, tokens, content[at], behaviour))
    fresh = store_vectors(made, tokens).tensors
    for name, rows in vectors.tensors.items():
        rows[changed] = fresh[name]


def _behaviour_of(at: Tensor, lent: Behaviour, own: Behaviour) -> Behaviour:
    """Return each item's own behaviour (M, b) where it has any, else what others lend it."""
    p = {kind: torch.where(own.known[kind][at][:, None], own.p[kind][at], lent.p[kind]) for kind in KINDS}
    return Behaviour(p, {kind: own.known[kind][at] | lent.known[kind] for kind in KINDS})
