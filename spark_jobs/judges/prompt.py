"""Prompts are versioned files; an item is put into them as a few labelled lines of bounded length."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from goeswith.pair_judge.item import Item
from spark_jobs.judges.base import ItemPair

PROMPTS = Path(__file__).parent / "prompts"
MAX_FIELD_CHARS = 300


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's text with the places ``{src}`` and ``{dst}``, and a version that no change of the text escapes."""

    version: str
    text: str

    def most_tokens(self, item_bytes: int) -> int:
        """Return what a question about items of so many bytes is at most: no tokenizer makes more tokens than bytes."""
        return item_bytes + len(self.text.encode())

    def fill(self, pair: ItemPair) -> str:
        """Return the question about one pair."""
        return self.text.format(src=describe_item(pair.src), dst=describe_item(pair.dst))


def load_prompt(name: str) -> Prompt:
    """Read ``prompts/NAME.txt``. Its version is the name and the first 12 digits of the text's sha256."""
    text = (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()
    return Prompt(f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", text)


def describe_item(item: Item) -> str:
    """Return 'title: …; brand: …; …' on one line; parts that are missing leave no trace."""
    parts = {
        "title": item.title,
        "brand": item.brand,
        "category": " > ".join(item.category),
        "attributes": ", ".join(f"{name} {value}" for name, value in item.attributes),
        "price": None if item.price is None else f"{item.price:g}",
        "description": item.description,
    }
    return "; ".join(f"{name}: {_short(text)}" for name, text in parts.items() if text and text.strip()) or "nothing is known"


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_FIELD_CHARS]
