"""What users of the synthetic shop do: baskets led by complements, sessions led by substitutes, both with noise, taste and season."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from spark_jobs.sources.shop.latent import Bools, Floats, Ints, Items
from spark_jobs.sources.shop.world import CATEGORIES, NUM_STYLES

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
DAYS = 730
BASKETS_PER_ITEM = 6
SESSIONS_PER_ITEM = 5
USERS_PER_ITEM = 0.8
NOISE_SHARE = 0.18
"""Share of the items in a basket or a session that have nothing to do with the first one."""
FOLLOW_UP_SHARE = 0.35
"""Share of the baskets that the same user follows up, some days later, by a complement of what was bought."""
MAX_LAG_DAYS = 14
TASTE = 3.0
"""How many times as likely a user buys an item of the own club; its square root holds for palette and for occasion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One item in a basket or a session. ``item`` is the item's number."""

    basket: str
    user: int
    item: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """U users: the (U, N) weight that taste and popularity give each item; items without events weigh nothing."""

    weights: Floats

    def __len__(self) -> int:
        """Return U."""
        return len(self.weights)


def draw_crowd(items: Items, seed: int) -> Crowd:
    """Draw users who each belong to a club and prefer a palette and an occasion."""
    rng = np.random.default_rng([seed, 4])
    size = max(8, round(len(items) * USERS_PER_ITEM))
    club, palette, occasion = (rng.integers(NUM_STYLES, size=(size, 1)) for _ in range(3))
    taste = TASTE ** (1.0 * (club == items.club) + 0.5 * (palette == items.palette) + 0.5 * (occasion == items.occasion))
    return Crowd(weights=taste * items.popularity * ~items.is_new)


def season(items: Items, day: int) -> Floats:
    """Return the (N,) weight of a day: twice to half, highest in the category's peak month."""
    peak = np.array([c.peak_month for c in CATEGORIES])[items.category]
    return np.asarray(2.0 ** np.cos(2 * np.pi * (day / 365 - (peak - 0.5) / 12)))


def draw_purchases(items: Items, crowd: Crowd, complements: Bools, seed: int) -> Iterator[Event]:
    """Yield purchases: a first item, complements of it in the same basket, and now and then a basket that follows up."""
    rng = np.random.default_rng([seed, 5])
    count = 0
    while count < BASKETS_PER_ITEM * len(items):
        user, day = int(rng.integers(len(crowd))), int(rng.integers(DAYS - MAX_LAG_DAYS))
        weights = crowd.weights[user] * season(items, day)
        chosen = _pick_related(rng, weights, complements, int(rng.choice([1, 2, 3, 4], p=[0.12, 0.38, 0.3, 0.2])))
        yield from _events(rng, f"b{count}", user, chosen, "purchase", day)
        count += 1
        if rng.random() < FOLLOW_UP_SHARE:
            later = _pick_related(rng, weights, complements, 2, first=chosen[0])[1:]
            yield from _events(rng, f"b{count}", user, later, "purchase", day + 1 + int(rng.integers(MAX_LAG_DAYS)))
            count += 1


def draw_views(items: Items, crowd: Crowd, substitutes: Bools, seed: int) -> Iterator[Event]:
    """Yield views: a session looks at an item, at substitutes of it, and at noise."""
    rng = np.random.default_rng([seed, 6])
    for session in range(SESSIONS_PER_ITEM * len(items)):
        user, day = int(rng.integers(len(crowd))), int(rng.integers(DAYS))
        weights = crowd.weights[user] * season(items, day)
        yield from _events(rng, f"v{session}", user, _pick_related(rng, weights, substitutes, int(rng.integers(2, 6))), "view", day)


def _pick_related(rng: np.random.Generator, weights: Floats, related: Bools, count: int, first: int | None = None) -> list[int]:
    """Return a first item and up to ``count`` - 1 others, all different: related ones, or by chance any."""
    anchor = _pick(rng, weights, 1)[0] if first is None else first
    num_noise = int(rng.binomial(count - 1, NOISE_SHARE))
    others = _pick(rng, weights * related[anchor], count - 1 - num_noise) + _pick(rng, weights, num_noise)
    return list(dict.fromkeys([anchor, *others]))


def _pick(rng: np.random.Generator, weights: Floats, count: int) -> list[int]:
    """Return up to ``count`` different items drawn by weight (Gumbel top-k); items of weight 0 never."""
    possible = np.flatnonzero(weights)
    keys = np.log(weights[possible]) + rng.gumbel(size=len(possible))
    return [int(i) for i in possible[np.argsort(-keys)[:count]]]


def _events(rng: np.random.Generator, basket: str, user: int, chosen: list[int], kind: str, day: int) -> list[Event]:
    at = START + timedelta(days=day, seconds=int(rng.integers(12 * 3600)))
    return [Event(basket=basket, user=user, item=item, kind=kind, at=at + timedelta(seconds=20 * k)) for k, item in enumerate(chosen)]


def pair_counts(events: list[Event], size: int) -> Ints:
    """Return the (N, N) symmetric count of baskets (or sessions) that hold both items."""
    counts = np.zeros((size, size), dtype=np.int64)
    baskets: dict[str, list[int]] = {}
    for event in events:
        baskets.setdefault(event.basket, []).append(event.item)
    for chosen in baskets.values():
        counts[np.ix_(chosen, chosen)] += 1
    np.fill_diagonal(counts, val=0)
    return counts
