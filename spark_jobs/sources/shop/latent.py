"""The hidden side of the synthetic shop: what each item is, and the relations that follow from it by rule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spark_jobs.sources.shop.world import BRANDS, CATEGORIES, INDEX, NUM_STYLES, PALETTES, PATTERNS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEW_SHARE = 0.08
CONFLICT_SHARE = 0.04
VARIANT_SHARE = 0.10
OWN_PATTERN_SHARE = 0.8
NEAR_PRICE = 2.0
"""Substitutes cost at most this many times as much as each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """N items as columns of length N. ``shown_*`` is what the picture shows: another item's look where picture and text conflict."""

    item_id: NDArray[np.str_]
    category: Ints
    palette: Ints
    occasion: Ints
    club: Ints
    price: Floats
    brand: NDArray[np.str_]
    popularity: Floats
    colours: Ints
    pattern: Ints
    variant_of: Ints
    is_new: Bools
    conflict: Bools
    shown: Ints

    def __len__(self) -> int:
        """Return N."""
        return len(self.item_id)


def draw_items(seed: int, size: int) -> Items:
    """Draw ``size`` items: categories in turn, the three styles independently, prices log-normal about their category's."""
    rng = np.random.default_rng([seed, 1])
    category = rng.permutation(np.arange(size) % len(CATEGORIES))
    variant_of = _draw_variants(rng, category)
    occasion, club = (rng.integers(NUM_STYLES, size=size)[variant_of] for _ in range(2))
    palette = rng.integers(NUM_STYLES, size=size)
    usual = np.array([c.price for c in CATEGORIES])[category]
    price = np.round(usual * np.exp(rng.normal(0, 0.35, size)), 2)[variant_of]
    conflict = rng.random(size) < CONFLICT_SHARE
    return Items(
        item_id=_draw_ids(rng, size),
        category=category,
        palette=palette,
        occasion=occasion,
        club=club,
        price=price,
        brand=np.array([rng.choice(BRANDS[CATEGORIES[c].department]) for c in category])[variant_of],
        popularity=np.exp(rng.normal(0, 1.0, size)),
        colours=np.array([rng.permutation(3)[:2] for _ in range(size)]),
        pattern=_draw_patterns(rng, palette),
        variant_of=variant_of,
        is_new=rng.random(size) < NEW_SHARE,
        conflict=conflict,
        shown=np.where(conflict, rng.permutation(size), np.arange(size)),
    )


def _draw_ids(rng: np.random.Generator, size: int) -> NDArray[np.str_]:
    """Return ids in no order that would tell anything about the items."""
    return np.array([f"p{number:06d}" for number in rng.permutation(10 * size)[:size] + 100_000])


def _draw_variants(rng: np.random.Generator, category: Ints) -> Ints:
    """Return the item that each one is a variant of (itself mostly): the same product in other colours, so of the same category."""
    parent = np.arange(len(category))
    for i in np.flatnonzero(rng.random(len(category)) < VARIANT_SHARE):
        earlier = np.flatnonzero((category[:i] == category[i]) & (parent[:i] == np.arange(i)))
        if len(earlier):
            parent[i] = rng.choice(earlier)
    return parent


def _draw_patterns(rng: np.random.Generator, palette: Ints) -> Ints:
    own = np.array([[PATTERNS.index(p) for p in kind.patterns] for kind in PALETTES])[palette, rng.integers(2, size=len(palette))]
    return np.where(rng.random(len(palette)) < OWN_PATTERN_SHARE, own, rng.integers(len(PATTERNS), size=len(palette)))


def category_map() -> Bools:
    """Return a (C, C) matrix: True where items of the row's category may ask for items of the column's. Never both ways."""
    allowed = np.zeros((len(CATEGORIES), len(CATEGORIES)), dtype=bool)
    for k, category in enumerate(CATEGORIES):
        allowed[k, [INDEX[name] for name in category.goes_with]] = True
    return allowed


def style_matches(items: Items) -> Ints:
    """Return an (N, N) matrix: how many of palette, occasion and club two items share."""
    matches = np.zeros((len(items), len(items)), dtype=np.int64)
    for style in (items.palette, items.occasion, items.club):
        matches += style[:, None] == style[None, :]
    return matches


def near_prices(price: Floats) -> Bools:
    """Return an (N, N) matrix: True where neither price is over ``NEAR_PRICE`` times the other."""
    ratio = price[:, None] / price[None, :]
    return np.asarray((ratio <= NEAR_PRICE) & (ratio >= 1 / NEAR_PRICE))


def plant_complements(items: Items) -> Bools:
    """Return an (N, N) directed matrix: the category map allows it, and two of the three styles match."""
    return np.asarray(category_map()[items.category][:, items.category] & (style_matches(items) >= 2))


def plant_substitutes(items: Items) -> Bools:
    """Return an (N, N) symmetric matrix: same category, two of the three styles match, prices near."""
    same = items.category[:, None] == items.category[None, :]
    planted = np.asarray(same & (style_matches(items) >= 2) & near_prices(items.price))
    np.fill_diagonal(planted, val=False)
    return planted
