"""Curated bundles of the synthetic shop: an item and complements of it, put together by an author."""

from dataclasses import dataclass

import numpy as np

from spark_jobs.sources.shop.latent import Bools, Items
from spark_jobs.sources.shop.world import CATEGORIES

SHOWN_PER_ITEM = 0.4
PLANTED_PER_ITEM = 0.15
BUNDLES_PER_AUTHOR = 2.5
"""Bundles of one author share a group, which no split cuts."""
STRAY_SHARE = 0.05
"""Share of the items of a shown bundle that do not belong there: authors err."""
TITLES = ("{first} and what goes with it", "a set around {first}", "{first} starter set", "gift: {first} and more", "our {first} favourites")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One bundle: its items by number, its author and its title."""

    bundle_id: str
    author: str
    title: str
    chosen: tuple[int, ...]


def draw_shown_bundles(items: Items, complements: Bools, seed: int) -> list[Bundle]:
    """Draw the bundles that the shop shows; items without events are in none."""
    rng = np.random.default_rng([seed, 7])
    open_to = complements & ~items.is_new[:, None] & ~items.is_new[None, :]
    return _draw(rng, items, open_to, round(SHOWN_PER_ITEM * len(items)), "c", STRAY_SHARE)


def draw_planted_bundles(items: Items, complements: Bools, seed: int) -> list[Bundle]:
    """Draw the bundles of the truth, by the same rule without error, over all items; no model is shown them."""
    return _draw(np.random.default_rng([seed, 8]), items, complements, round(PLANTED_PER_ITEM * len(items)), "t", 0.0)


def _draw(rng: np.random.Generator, items: Items, complements: Bools, count: int, prefix: str, stray_share: float) -> list[Bundle]:
    anchors = np.flatnonzero(complements.sum(axis=1) >= 2)
    if not len(anchors):
        return []
    num_authors = max(2, round(count / BUNDLES_PER_AUTHOR))
    bundles = []
    for number in range(count):
        anchor = int(rng.choice(anchors, p=_shares(items.popularity[anchors] ** 0.5)))
        chosen = _choose(rng, items, complements[anchor], anchor, stray_share)
        title = str(rng.choice(TITLES)).format(first=str(rng.choice(CATEGORIES[items.category[anchor]].nouns)))
        author = f"{prefix}author{int(rng.integers(num_authors))}"
        bundles.append(Bundle(bundle_id=f"{prefix}{number}", author=author, title=title, chosen=chosen))
    return bundles


def _choose(rng: np.random.Generator, items: Items, related: Bools, anchor: int, stray_share: float) -> tuple[int, ...]:
    """Return the anchor and two to four of its complements, at most two a category, some of them exchanged for strays."""
    wanted = int(rng.integers(2, 5))
    chosen: list[int] = []
    for i in rng.permutation(np.flatnonzero(related)):
        if len(chosen) < wanted and sum(items.category[j] == items.category[i] for j in chosen) < 2:
            chosen.append(int(i))
    warm = np.flatnonzero(~items.is_new)
    kept = [int(rng.choice(warm)) if rng.random() < stray_share else i for i in chosen]
    return tuple(dict.fromkeys([anchor, *kept]))


def _shares(weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(weights / weights.sum())
