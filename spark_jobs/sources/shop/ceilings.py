"""How far one signal alone could get: oracles that know the planting rule, but see only pictures, only texts or only behaviour.

An oracle ranks every item by the probability that the rule holds, given the styles that it sees; a style that it does not see
matches with probability 1 / ``NUM_STYLES``. Category and price are known to all of them. The oracle of behaviour also remembers
which pairs were bought (viewed) together, and knows no club of an item without events. The oracle of pictures believes a wrong
picture. Ties are broken at random, which is what a score without meaning would do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goeswith.results import Figure
from spark_jobs.sources.shop.latent import Bools, Floats, Ints, category_map, near_prices
from spark_jobs.sources.shop.truth import Truth
from spark_jobs.sources.shop.world import NUM_STYLES

DATA = "synthetic"
SLICE = "ceiling"
RECALL_AT = 20
NDCG_AT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one oracle sees: the (N,) category, and (N, N) probabilities that two items match in palette, occasion and club."""

    model: str
    category: Ints
    matches: tuple[Floats, Floats, Floats]
    remembers: bool


def ceilings(truth: Truth, seed: int) -> list[Figure]:
    """Return Recall@20 and NDCG@10 of each oracle on complements, substitutes and planted bundles (leave one out)."""
    return [figure for sight in _sights(truth) for figure in _figures(truth, sight, seed)]


def _sights(truth: Truth) -> Iterator[Sight]:
    items = truth.items
    unseen = np.full((len(items), len(items)), 1 / NUM_STYLES)
    palette, occasion, club = (_same(style) for style in (items.palette, items.occasion, items.club))
    cold = items.is_new[:, None] | items.is_new[None, :]
    bought_by = np.where(cold, 1 / NUM_STYLES, club)
    shown = items.palette[items.shown]
    yield Sight(model="oracle-pictures", category=items.category[items.shown], matches=(_same(shown), unseen, unseen), remembers=False)
    yield Sight(model="oracle-texts", category=items.category, matches=(unseen, occasion, unseen), remembers=False)
    yield Sight(model="oracle-behaviour", category=items.category, matches=(unseen, unseen, bought_by), remembers=True)
    yield Sight(model="oracle-all", category=items.category, matches=(palette, occasion, club), remembers=False)


def _same(style: Ints) -> Floats:
    return np.asarray(style[:, None] == style[None, :], dtype=np.float64)


def _two_of_three(p: Floats, o: Floats, c: Floats) -> Floats:
    """Return the probability that at least two of three independent matches hold."""
    return np.asarray(p * o + p * c + o * c - 2 * p * o * c)


def _figures(truth: Truth, sight: Sight, seed: int) -> Iterator[Figure]:
    rng = np.random.default_rng([seed, 9])
    style = _two_of_three(*sight.matches)
    complements = style * category_map()[sight.category][:, sight.category] * _memory(sight, truth.bought)
    same = sight.category[:, None] == sight.category[None, :]
    substitutes = style * same * near_prices(truth.items.price) * _memory(sight, truth.viewed)
    yield from _summarise("complements", sight.model, _rank_pairs(complements, truth.complements, rng), seed)
    yield from _summarise("substitutes", sight.model, _rank_pairs(substitutes, truth.substitutes, rng), seed)
    yield from _summarise("bundle", sight.model, _rank_bundles(np.maximum(complements, complements.T), truth, rng), seed)


def _memory(sight: Sight, counts: Ints) -> Floats:
    """Return the (N, N) factor by which remembered meetings raise a pair over all that never met."""
    return np.where((counts > 0) & sight.remembers, 1.0 + NUM_STYLES**2, 1.0)


def _rank_pairs(scores: Floats, planted: Bools, rng: np.random.Generator) -> list[Ints]:
    """Return, per item that has planted partners, the ranks (from 1) of those partners among all other items."""
    return [_ranks(scores[i], np.flatnonzero(planted[i]), [int(i)], rng) for i in np.flatnonzero(planted.any(axis=1))]


def _rank_bundles(related: Floats, truth: Truth, rng: np.random.Generator) -> list[Ints]:
    """Return, per item left out of a planted bundle, its rank among all items that are not given."""
    ranks = []
    for bundle in truth.bundles:
        for left_out in bundle.chosen:
            given = [i for i in bundle.chosen if i != left_out]
            ranks.append(_ranks(related[given].sum(axis=0), np.array([left_out]), given, rng))
    return ranks


def _ranks(scores: Floats, wanted: Ints, masked: list[int], rng: np.random.Generator) -> Ints:
    open_scores = scores.copy()
    open_scores[masked] = -np.inf
    order = np.lexsort((rng.random(len(scores)), -open_scores))
    position = np.empty(len(scores), dtype=np.int64)
    position[order] = np.arange(1, len(scores) + 1)
    return np.asarray(position[wanted])


def _summarise(task: str, model: str, ranks: list[Ints], seed: int) -> Iterator[Figure]:
    recall = np.array([np.mean(r <= RECALL_AT) for r in ranks])
    ndcg = np.array([_ndcg(r) for r in ranks])
    for metric, values in ((f"recall@{RECALL_AT}", recall), (f"ndcg@{NDCG_AT}", ndcg)):
        mean, half = float(values.mean()), float(1.96 * values.std() / np.sqrt(len(values)))
        low, high = mean - half, mean + half
        yield Figure(task=task, data=DATA, slice=SLICE, model=model, metric=metric, value=mean, low=low, high=high, n=len(values), seed=seed)


def _ndcg(ranks: Ints) -> float:
    gained = (1 / np.log2(1 + ranks[ranks <= NDCG_AT])).sum()
    ideal = (1 / np.log2(2 + np.arange(min(len(ranks), NDCG_AT)))).sum()
    return float(gained / ideal)
