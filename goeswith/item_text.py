"""The one text of an item that towers and judges read; Triton's ``item_preprocess`` builds the same (a contract test says so)."""

from collections.abc import Sequence

MAX_CHARS = 2_000


def item_text(title: str | None, description: str | None, brand: str | None, category: Sequence[str] | None) -> str:
    """Return 'title. brand. narrowest categories. description' in lower case, at most ``MAX_CHARS`` characters.

    Parts that are missing leave no trace; an item without any text gives ''.
    """
    narrowest = " ".join((category or [])[-2:])
    parts = (part.strip() for part in (title or "", brand or "", narrowest, description or ""))
    return ". ".join(part for part in parts if part).lower()[:MAX_CHARS]
