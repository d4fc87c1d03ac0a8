"""Bounds that are checked before anything is sent."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from goeswith_client import limits
from goeswith_client.answers import Type
from goeswith_client.errors import InvalidRequest
from goeswith_client.filters import Filters


def check_k(k: int) -> int:
    """Return k. Raises ``InvalidRequest`` outside 1..``MAX_K``."""
    if not 1 <= k <= limits.MAX_K:
        raise InvalidRequest(f"k is {k}", f"k from 1 to {limits.MAX_K}")
    return k


def check_size(size: int) -> int:
    """Return how many items a bundle shall have. Raises ``InvalidRequest`` outside 2..``MAX_SIZE``."""
    if not 2 <= size <= limits.MAX_SIZE:
        raise InvalidRequest(f"a bundle of {size} items", f"a size from 2 to {limits.MAX_SIZE}")
    return size


def widened(k: int) -> int:
    """Return how many to ask for where some may be filtered away."""
    return min(limits.MAX_K, 2 * k + 10)


def check_id(item_id: str) -> str:
    """Return an item id. Raises ``InvalidRequest`` for an empty or overlong one."""
    if not item_id or len(item_id) > limits.MAX_ID_CHARS:
        raise InvalidRequest(f"an item id of {len(item_id)} characters", f"1 to {limits.MAX_ID_CHARS} characters")
    return item_id


def check_given(item_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the given items, each once. Raises ``InvalidRequest`` for none or too many."""
    given = tuple(dict.fromkeys(item_ids))
    if not 1 <= len(given) <= limits.MAX_GIVEN:
        raise InvalidRequest(f"a bundle of {len(given)} given items", f"from 1 to {limits.MAX_GIVEN} items")
    return given


def check_bundle_filters(filters: Filters) -> Filters:
    """Return the filters. Raises ``InvalidRequest`` where only sure answers are asked for: a bundle's scores have no threshold."""
    if filters.sure:
        raise InvalidRequest("a bundle of sure answers only", "leave out 'sure': it is for substitutes and complements")
    return filters


def check_type(kind: str) -> str:
    """Return the type of a relation. Raises ``InvalidRequest`` that lists the legal ones."""
    if kind not in get_args(Type):
        raise InvalidRequest(f"type {kind!r}", f"one of {', '.join(get_args(Type))}")
    return kind


def check_texts(**texts: str) -> dict[str, str]:
    """Return the texts. Raises ``InvalidRequest`` for one that is too long."""
    for name, text in texts.items():
        if len(text) > limits.MAX_TEXT_CHARS:
            raise InvalidRequest(f"{name} of {len(text)} characters", f"at most {limits.MAX_TEXT_CHARS}")
    return texts


def check_image(image: bytes | Path | None) -> bytes:
    """Return a picture's bytes, b'' for none. Raises ``InvalidRequest`` for a missing file or one that is too large."""
    if isinstance(image, Path):
        if not image.is_file():
            raise InvalidRequest(f"there is no picture {str(image)!r}", "give the path of a JPEG or PNG file")
        if image.stat().st_size > limits.MAX_IMAGE_BYTES:
            raise InvalidRequest(f"{str(image)!r} holds {image.stat().st_size} bytes", f"at most {limits.MAX_IMAGE_BYTES}")
        image = image.read_bytes()
    if image is not None and len(image) > limits.MAX_IMAGE_BYTES:
        raise InvalidRequest(f"a picture of {len(image)} bytes", f"at most {limits.MAX_IMAGE_BYTES}")
    return image or b""


def nothing_given() -> InvalidRequest:
    """Return the error for a new item without text or picture."""
    return InvalidRequest("a new item without text and without picture", "give a title or an image at least")
