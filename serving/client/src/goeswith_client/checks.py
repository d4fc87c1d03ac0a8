"""Bounds that are checked before anything is sent."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from goeswith_client import limits
from goeswith_client.answers import Type
from goeswith_client.errors import InvalidRequest
from goeswith_client.filters import Filters
from goeswith_client.pictures import claimed_size

_NO_ID = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters stand in no id, and halves of a surrogate pair are no characters: neither has a UTF-8 that a store would find."""
_NO_UNIT = re.compile(rf"\s|{_NO_ID.pattern}")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")


def check_k(k: int) -> int:
    """Return k. Raises ``InvalidRequest`` outside 1..``MAX_K``."""
    if not _is_whole(k) or not 1 <= k <= limits.MAX_K:
        raise InvalidRequest(f"k is {_shown(k)}", f"k from 1 to {limits.MAX_K}")
    return k


def check_size(size: int) -> int:
    """Return how many items a bundle shall have. Raises ``InvalidRequest`` outside 2..``MAX_SIZE``."""
    if not _is_whole(size) or not 2 <= size <= limits.MAX_SIZE:
        raise InvalidRequest(f"a bundle of {_shown(size)} items", f"a size from 2 to {limits.MAX_SIZE}")
    return size


def check_budget(budget: float | None) -> float | None:
    """Return what a bundle may cost. Raises ``InvalidRequest`` for less than nothing, or no number."""
    if budget is not None and not 0 <= budget < math.inf:
        raise InvalidRequest(f"a budget of {_shown(budget)}", "an amount from 0, or none")
    return budget


def widened(k: int) -> int:
    """Return how many to ask for where some may be filtered away."""
    return min(limits.MAX_K, 2 * k + 10)


def check_id(item_id: str) -> str:
    """Return an item id. Raises ``InvalidRequest`` for an empty or overlong one, or one with characters that no id has."""
    if not item_id or len(item_id) > limits.MAX_ID_CHARS:
        raise InvalidRequest(f"an item id of {len(item_id)} characters", f"1 to {limits.MAX_ID_CHARS} characters")
    if _NO_ID.search(item_id):
        raise InvalidRequest(f"an item id with control characters or invalid UTF-8: {item_id!a}", "use an id of the released catalogue")
    return item_id


def check_unit(unit: str) -> str:
    """Return who asks, '' for nobody in particular. Raises ``InvalidRequest`` that does not repeat it: it may be a person's."""
    if len(unit) > limits.MAX_ID_CHARS or _NO_UNIT.search(unit):
        what = "a unit that is too long, or holds white space, control characters or invalid UTF-8"
        raise InvalidRequest(what, f"an opaque id of at most {limits.MAX_ID_CHARS} characters")
    return unit


def check_given(item_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the given items, each once. Raises ``InvalidRequest`` for none or too many."""
    given = tuple(dict.fromkeys(item_ids))
    if not 1 <= len(given) <= limits.MAX_GIVEN:
        raise InvalidRequest(f"a bundle of {len(given)} given items", f"from 1 to {limits.MAX_GIVEN} items")
    return given


def check_many(item_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the items of one question about many. Raises ``InvalidRequest`` for none, too many, or what can be no id."""
    if not 1 <= len(item_ids) <= limits.MAX_MANY:
        raise InvalidRequest(f"a question about {len(item_ids)} items", f"from 1 to {limits.MAX_MANY} items")
    return tuple(map(check_id, item_ids))


def check_pairs(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the pairs to score. Raises ``InvalidRequest`` for none or too many, and for what is no pair of two ids."""
    if not 1 <= len(pairs) <= limits.MAX_PAIRS:
        raise InvalidRequest(f"{len(pairs)} pairs", f"from 1 to {limits.MAX_PAIRS} pairs")
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise InvalidRequest(f"a pair of {len(pair)} items, or of one with itself", "two items each")
    return tuple((check_id(src), check_id(dst)) for src, dst in pairs)


def check_bundle_filters(filters: Filters) -> Filters:
    """Return the filters. Raises ``InvalidRequest`` where only sure answers are asked for: a bundle's scores have no threshold."""
    if filters.sure:
        raise InvalidRequest("a bundle of sure answers only", "leave out 'sure': it is for substitutes and complements")
    return check_filters(filters)


def check_filters(filters: Filters) -> Filters:
    """Return the filters. Raises ``InvalidRequest`` for a category or brand that no shop can have."""
    check_texts(category=filters.category, brand=filters.brand)
    return filters


def check_type(kind: str) -> str:
    """Return the type of a relation. Raises ``InvalidRequest`` that lists the legal ones."""
    if kind not in get_args(Type):
        raise InvalidRequest(f"type {kind!r}", f"one of {', '.join(get_args(Type))}")
    return kind


def check_texts(**texts: str) -> dict[str, str]:
    """Return the texts. Raises ``InvalidRequest`` for one that is too long or no valid UTF-8."""
    for name, text in texts.items():
        if len(text) > limits.MAX_TEXT_CHARS:
            raise InvalidRequest(f"{name} of {len(text)} characters", f"at most {limits.MAX_TEXT_CHARS}")
        if _NO_TEXT.search(text):
            raise InvalidRequest(f"{name} is no valid UTF-8", "send whole characters")
    return texts


def check_image(image: bytes | Path | None) -> bytes:
    """Return a picture's bytes, b'' for none.

    Raises ``InvalidRequest`` for a missing file, too many bytes, what is neither JPEG nor PNG, or more pixels than ``MAX_PIXELS``.
    """
    data = _read_image(image) if isinstance(image, Path) else image
    if not data:
        return b""
    if len(data) > limits.MAX_IMAGE_BYTES:
        raise InvalidRequest(f"a picture of {len(data)} bytes", f"at most {limits.MAX_IMAGE_BYTES}")
    size = claimed_size(data)
    if size is None or 0 in size:
        raise InvalidRequest("a picture that is neither JPEG nor PNG, or empty", "give a JPEG or PNG file")
    if size[0] * size[1] > limits.MAX_PIXELS:
        raise InvalidRequest(f"a picture of {size[0]} x {size[1]} pixels", f"at most {limits.MAX_PIXELS} pixels")
    return data


def _read_image(path: Path) -> bytes:
    try:
        if path.stat().st_size > limits.MAX_IMAGE_BYTES:
            raise InvalidRequest(f"{str(path)!r} holds {path.stat().st_size} bytes", f"at most {limits.MAX_IMAGE_BYTES}")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a path may hold a NUL
        raise InvalidRequest(f"there is no picture {str(path)!r}", "give the path of a JPEG or PNG file") from error


def _is_whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _shown(number: float) -> str:
    """Return a number as text, the beginning of an endless one: Python refuses to print integers of over 4,300 digits."""
    return f"{number:.0e}" if isinstance(number, float) else "endless" if isinstance(number, int) and number.bit_length() > 256 else str(number)


def nothing_given() -> InvalidRequest:
    """Return the error for a new item without text or picture."""
    return InvalidRequest("a new item without text and without picture", "give a title or an image at least")
