"""Typed answers. Every answer says where it comes from, from which versions, and why."""

import secrets
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Type = Literal["substitute", "complement"]
TYPES: tuple[Type, ...] = ("substitute", "complement")
Source = Literal["precomputed", "model", "content", "category_bestseller", "rules"]
"""Where an answer comes from: neighbours computed in advance, the model asked now, the model with content alone, sales, or pins alone."""
SOURCES: tuple[Source, ...] = ("precomputed", "model", "content", "category_bestseller", "rules")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Item(_Answer):
    """What the shop says of an item."""

    item_id: str
    title: str | None = None
    brand: str | None = None
    category: tuple[str, ...] = ()
    price: float | None = None
    currency: str | None = None
    image: str | None = None
    """Reference into the picture store."""
    available: bool = True
    variant_of: str | None = None


class RankedItem(Item):
    """An item of an answer: ``score`` orders this answer only; ``basis`` is what the model had (behaviour, cold_start, content, bundle).

    An item that a rule pinned, and nothing else found, has the score 0 and the basis ``rule``.
    """

    score: float
    basis: str = ""
    reason: str = ""
    sure: bool | None = None
    """Whether the score reaches what hardly any random item does; None where nobody measured that (bundles, sales, the model asked now)."""


class Versions(_Answer):
    """What an answer was made from."""

    release: str | None = None
    model_version: str | None = None
    """RUN/VERSION: the training run, and the number under which Triton serves its models."""
    features_age_s: float | None = None
    """Seconds since the release that the features come from."""


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class Trial(_Answer):
    """The arm of an experiment that an answer was made in."""

    experiment: Name
    arm: Name


def _new_id() -> str:
    return secrets.token_hex(16)


class Answer(_Answer):
    """A ranked list, best first, precomputed complements kind by kind. ``notes`` say which steps of the fallback chain were passed over, and why.

    What becomes of the answer is told under its ``answer_id``, which is drawn for it alone.
    """

    query: tuple[str, ...]
    type: str
    items: tuple[RankedItem, ...]
    source: Source
    versions: Versions
    notes: tuple[str, ...] = ()
    answer_id: str = Field(default_factory=_new_id)
    trial: Trial | None = None


class Evidence(_Answer):
    """A directed edge between two items as training saw it, and what it rests on."""

    type: Type
    src: str
    dst: str
    weight: float
    relation: str
    n: int | None = None
    npmi: float | None = None
    lift: float | None = None
    judge: str | None = None
    prompt_hash: str | None = None
    """Which of the judge's verdicts: fingerprint of its prompt (or rules), its revision and both texts."""
    p_type: float | None = None
    moved: bool = False


class Listed(_Answer):
    """Where one item stands among the other's precomputed neighbours."""

    type: Type
    of: str
    rank: int
    score: float
    basis: str
    reason: str


class Explanation(_Answer):
    """Why two items are, or are not, related. ``modalities`` are those that both items have, ``tables`` the versions behind the features."""

    a: Item
    b: Item
    edges: tuple[Evidence, ...]
    listed: tuple[Listed, ...]
    modalities: tuple[str, ...]
    reasons: tuple[str, ...]
    versions: Versions
    tables: dict[str, int] = {}


class Scored(_Answer):
    """What the model gives a pair in one relation. Scores compare within one first item and relation, standings across all."""

    score: float
    standing: float
    """Standard deviations above the mean of what the first item scores with the whole catalogue."""


class PairScore(_Answer):
    """How far the second item stands out as a substitute of the first, and as what goes with it; None: the model does not know one of them."""

    src: str
    dst: str
    type: Type | None
    """The relation in which it stands out further; None: in neither."""
    substitute: Scored | None
    complement: Scored | None


class Scores(_Answer):
    """The scores of pairs, in the order in which they were given."""

    pairs: tuple[PairScore, ...]
    versions: Versions
    notes: tuple[str, ...] = ()


class Health(_Answer):
    """What answers now."""

    features: bool
    triton: bool
    models: dict[str, bool]
    breaker: Literal["closed", "open"]
    versions: Versions
    notes: tuple[str, ...] = ()
