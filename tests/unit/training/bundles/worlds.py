"""A shop whose bundles follow a rule: items of one colour and different kinds go together."""

from dataclasses import replace

import numpy as np

from tests.unit.training.evaluation.small_worlds import make_items
from training.bundles.lessons import Lessons
from training.bundles.recipe import BundleRecipe
from training.dataset import Items

COLOURS = ("red", "blue", "green", "black", "white", "pink", "grey", "brown")
KINDS = ("racket", "ball", "bag", "shoe", "shirt")
QUICK = BundleRecipe(dim=16, heads=2, word_dim=8, batch=64, epochs=20, folds=3, asked=600, candidates=20, tree_negatives=20, rounds=20)


def shop() -> Items:
    """Return 80 items, two of each kind and colour; two of a kind and colour are variants of one product."""
    rows = [(f"{kind} {k}", kind, colour, k) for kind in KINDS for colour in COLOURS for k in range(2)]
    items = make_items([title for title, *_ in rows], categories=[("sport", kind) for _, kind, *_ in rows])
    numbers = tuple(str(1000 + i // 2) for i in range(len(rows)))
    return replace(items, attributes=tuple({"colour": colour} for _, _, colour, _ in rows), variant_of=numbers)


def vectors(items: Items) -> dict[str, np.ndarray]:
    """Return a text vector that knows the kind, and a picture vector that knows the colour."""
    rng = np.random.default_rng(0)
    text = {kind: rng.normal(size=12) for kind in KINDS}
    image = {colour: rng.normal(size=8) for colour in COLOURS}
    rows = [(path[1], of["colour"]) for path, of in zip(items.categories, items.attributes, strict=True)]
    found = {"text": np.stack([text[kind] for kind, _ in rows]), "image": np.stack([image[colour] for _, colour in rows])}
    return {name: (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32) for name, array in found.items()}


def baskets(count: int, seed: int = 0, *, timed: bool = True) -> Lessons:
    """Return baskets of three kinds in one colour, a day apart."""
    rng = np.random.default_rng(seed)
    members = []
    for _ in range(count):
        colour, kinds = int(rng.integers(len(COLOURS))), rng.permutation(len(KINDS))[:3]
        members.append(tuple(sorted(int((kind * len(COLOURS) + colour) * 2 + rng.integers(2)) for kind in kinds)))
    days = np.datetime64("2025-01-01", "us") + np.arange(count).astype("timedelta64[D]")
    return Lessons(tuple(members), days if timed else np.full(count, np.datetime64("NaT", "us")), np.arange(count, dtype=np.int64))
