"""Merchandisers' rules: what a shop's people say about answers, whatever the models say."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from goeswith_client.limits import MAX_ID_CHARS, MAX_K

Kind = Literal["pin", "ban", "ban_category", "sensitive_category"]
KINDS: tuple[str, ...] = get_args(Kind)
About = Literal["all", "substitute", "complement", "bundle"]
"""The answers that a rule is about; made bundles are bundles."""
ABOUT: tuple[str, ...] = get_args(About)
MAX_RULES = 10_000
"""Rules that hold, or will, at once."""
MAX_NAME_CHARS = 1_000
MAX_SAID_CHARS = 200
SEPARATOR = " > "
"""Between the names of a category path."""

_CLEAN = r"^[^\x00-\x1f\x7f-\x9f]*$"
Id = Annotated[str, Field(max_length=MAX_ID_CHARS, pattern=_CLEAN)]
Category = Annotated[str, Field(max_length=MAX_NAME_CHARS, pattern=_CLEAN)]

_NEEDS: dict[str, tuple[str, ...]] = {
    "pin": ("item", "position"),
    "ban": ("item",),
    "ban_category": ("query_category", "category"),
    "sensitive_category": ("category",),
}
_ALLOWS: dict[str, tuple[str, ...]] = {
    "pin": ("query_item", "query_category", "type"),
    "ban": ("query_item", "query_category", "type"),
    "ban_category": ("both_ways", "type"),
    "sensitive_category": (),
}
_ALWAYS = ("kind", "text", "valid_from", "valid_until", "rule_id")


class RuleBody(BaseModel):
    """What a rule says. A category is any name of a category path, or a path from its beginning, joined by ' > '.

    ``pin``: ``item`` stands at ``position`` (from 1) of the answers about ``query_item`` or ``query_category``.
    ``ban``: ``item`` stands in no answer, or in none about ``query_item`` or ``query_category``.
    ``ban_category``: items of ``category`` stand in no answer about items of ``query_category``; ``both_ways``: nor these there.
    ``sensitive_category``: items of ``category`` stand beside items of ``category`` only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    query_item: Id = ""
    query_category: Category = ""
    item: Id = ""
    category: Category = ""
    type: About = "all"
    position: int | None = Field(default=None, ge=1, le=MAX_K)
    both_ways: bool = False
    text: str = Field(default="", max_length=MAX_SAID_CHARS, pattern=_CLEAN)
    """What customers may read beside a pinned item."""
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        needed, legal = _NEEDS[self.kind], {*_NEEDS[self.kind], *_ALLOWS[self.kind], *_ALWAYS}
        given = [name for name, field in RuleBody.model_fields.items() if getattr(self, name) != field.default]
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"a {self.kind} needs {' and '.join(missing)}")
        if extra := [name for name in given if name not in legal]:
            raise ValueError(f"a {self.kind} has no {' and no '.join(extra)}")
        return self

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.query_item and self.query_category and self.kind != "ban_category":
            raise ValueError(f"a {self.kind} is about an item or about a category, not both")
        if self.kind == "pin" and not (self.query_item or self.query_category):
            raise ValueError("a pin needs query_item or query_category: whose answers it is for")
        if self.item and self.item == self.query_item:
            raise ValueError(f"item {self.item!r} never stands in answers about itself")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until is not after valid_from")
        return self

    def holds(self, now: datetime) -> bool:
        """Return whether the rule holds at a moment."""
        return (self.valid_from is None or self.valid_from <= now) and (self.valid_until is None or now < self.valid_until)

    def covers(self, kind: str) -> bool:
        """Return whether the rule is about answers of a type."""
        return self.type in ("all", kind)

    def meets(self, other: "RuleBody") -> bool:
        """Return whether both are about one query, of one type of answer, at some moment."""
        same_query = (self.query_item, self.query_category) == (other.query_item, other.query_category)
        same_type = "all" in (self.type, other.type) or self.type == other.type
        return same_query and same_type and _overlap(self, other)


class Rule(RuleBody):
    """A rule with its name, which is never given to another one."""

    rule_id: Annotated[str, Field(pattern=r"^r[1-9][0-9]{0,17}$")]

    @property
    def number(self) -> int:
        """Return the number in its name."""
        return int(self.rule_id[1:])


def _overlap(a: RuleBody, b: RuleBody) -> bool:
    def ends_before(one: Any, other: Any) -> bool:
        return one.valid_until is not None and other.valid_from is not None and one.valid_until <= other.valid_from

    return not ends_before(a, b) and not ends_before(b, a)
