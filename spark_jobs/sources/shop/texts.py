"""Titles and descriptions from a grammar. They tell category, brand, occasion and material; never a colour, a pattern or a club."""

from dataclasses import dataclass

import numpy as np

from spark_jobs.sources.shop.latent import Items
from spark_jobs.sources.shop.world import CATEGORIES, OCCASIONS, Category, Occasion

OWN_MATERIAL_SHARE = 0.85
TYPO_SHARE = 0.06
PHRASE_IN_TITLE_SHARE = 0.35
MATERIAL_IN_TITLE_SHARE = 0.5
SIZES = ("S", "M", "L", "XL", "one size")
LINES = ("Classic", "Nova", "Heritage", "Studio", "Prime", "Everyday", "Atelier", "Series 2", "Original", "Select")

OPENINGS = ("Made for {phrase}.", "A {noun} that suits {phrase}.", "Designed with {phrase} in mind.", "Right at home with {phrase}.")
BODIES = ("Crafted from {material}.", "The body is {material}.", "We chose {material} for its feel.", "{material} throughout, finished by hand.")
CLOSINGS = (
    "Ships within two days.",
    "Two years of warranty.",
    "Comes in a gift box.",
    "Wipe clean with a damp cloth.",
    "A favourite of our team.",
    "Sizes run true.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What the shop writes about one item."""

    title: str
    description: str
    material: str
    size: str


def write_texts(items: Items, seed: int) -> list[Texts]:
    """Return the texts of every item; variants share a line name but not every word."""
    rng = np.random.default_rng([seed, 2])
    lines = rng.choice(LINES, size=len(items))[items.variant_of]
    numbers = rng.integers(100, 999, size=len(items))[items.variant_of]
    rows = zip(items.category, items.occasion, items.brand, lines, numbers, strict=True)
    return [_write(rng, CATEGORIES[c], OCCASIONS[o], str(brand), f"{line} {number}") for c, o, brand, line, number in rows]


def _write(rng: np.random.Generator, category: Category, occasion: Occasion, brand: str, line: str) -> Texts:
    material = _draw_material(rng, occasion)
    noun, phrase = str(rng.choice(category.nouns)), str(rng.choice(occasion.phrases))
    title = _title(rng, brand, line, noun, material, phrase)
    description = _description(rng, str(rng.choice(category.nouns)), str(rng.choice(occasion.phrases)), material)
    return Texts(title=_with_typo(rng, title), description=_with_typo(rng, description), material=material, size=str(rng.choice(SIZES)))


def _draw_material(rng: np.random.Generator, occasion: Occasion) -> str:
    source = occasion if rng.random() < OWN_MATERIAL_SHARE else OCCASIONS[rng.integers(len(OCCASIONS))]
    return str(rng.choice(source.materials))


def _title(rng: np.random.Generator, brand: str, line: str, noun: str, material: str, phrase: str) -> str:
    made = f"{material} {noun}" if rng.random() < MATERIAL_IN_TITLE_SHARE else noun
    use = f" for {phrase}" if rng.random() < PHRASE_IN_TITLE_SHARE else ""
    return f"{brand} {line} {made}{use}" if rng.random() < 0.7 else f"{made.capitalize()}{use} - {brand} {line}"


def _description(rng: np.random.Generator, noun: str, phrase: str, material: str) -> str:
    opening = str(rng.choice(OPENINGS)).format(phrase=phrase, noun=noun)
    body = str(rng.choice(BODIES)).format(material=material)
    return " ".join((opening, body[0].upper() + body[1:], str(rng.choice(CLOSINGS))))


def _with_typo(rng: np.random.Generator, text: str) -> str:
    """Return the text, now and then with two neighbouring letters of one word exchanged."""
    if rng.random() >= TYPO_SHARE:
        return text
    at = int(rng.integers(1, len(text) - 2))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
