"""What the gateway takes in request bodies, and how it says no."""

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from goeswith_client import Filters, InvalidRequest, Ranking
from goeswith_client.answers import Type
from goeswith_client.events import Id
from goeswith_client.limits import MAX_GIVEN, MAX_ID_CHARS, MAX_K, MAX_MANY, MAX_PAIRS, MAX_SIZE, MAX_TEXT_CHARS

GivenId = Id
Unit = Annotated[str, Field(max_length=MAX_ID_CHARS, pattern=r"^[^\s\x00-\x1f\x7f-\x9f]*$")]
"""Who asks, for experiments; '' is in none."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RelatedQuestion(Filters, Ranking):
    """How many answers, what they must be, and what is preferred."""

    k: int = Field(default=10, ge=1, le=MAX_K)
    unit: Unit = ""


class _Wish(_Body):
    """How many answers, what they must be, what is preferred, and who asks."""

    k: int = Field(default=10, ge=1, le=MAX_K)
    filters: Filters = Filters()
    ranking: Ranking = Ranking()
    unit: Unit = ""


class EachQuestion(_Wish):
    """The items that are each asked about."""

    items: list[GivenId] = Field(min_length=1, max_length=MAX_MANY)


class PairsQuestion(_Body):
    """Ordered pairs to score."""

    pairs: list[tuple[GivenId, GivenId]] = Field(min_length=1, max_length=MAX_PAIRS)


class BundleQuestion(_Wish):
    """The given items of a bundle."""

    items: list[GivenId] = Field(min_length=1, max_length=MAX_GIVEN)


class BundleWish(_Body):
    """The item that a bundle shall be made around, of how many items, for how much at most."""

    item: GivenId
    size: int = Field(default=4, ge=2, le=MAX_SIZE)
    budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    filters: Filters = Filters()


class NewItem(_Body):
    """An item that the shop does not have yet. ``category``: the path joined by ' > '; ``image``: JPEG or PNG in base64."""

    title: str = Field(default="", max_length=MAX_TEXT_CHARS)
    description: str = Field(default="", max_length=MAX_TEXT_CHARS)
    brand: str = Field(default="", max_length=MAX_TEXT_CHARS)
    category: str = Field(default="", max_length=MAX_TEXT_CHARS)
    image: str = ""
    type: Type = "substitute"
    k: int = Field(default=10, ge=1, le=MAX_K)

    def picture(self) -> bytes:
        """Return the decoded picture. Raises ``InvalidRequest`` for what is no base64."""
        try:
            return base64.b64decode(self.image, validate=True)
        except (binascii.Error, ValueError) as error:  # ValueError: characters that are not ASCII
            raise InvalidRequest(f"image is no base64: {error}", "encode the bytes of a JPEG or PNG file") from error


class Problem(BaseModel):
    """What went wrong and what to do about it; ``nearest`` are ids that an unknown one may have meant, ``request_id`` finds it in the log."""

    error: str
    what: str
    remedy: str
    nearest: tuple[str, ...] = ()
    request_id: str = ""
