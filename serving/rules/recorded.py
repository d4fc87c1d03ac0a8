"""A rule as the table holds it: with who added it, who removed it, when and why."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goeswith.errors import ConfigError
from goeswith_client.rules import KINDS, Rule, RuleBody

MAX_WHY_CHARS = 500
Said = Annotated[str, Field(min_length=1, max_length=MAX_WHY_CHARS, pattern=r"\S")]
"""Who, or why: never blank."""


class RuleRefused(ConfigError):
    """A rule that cannot be added or removed: what is wrong with it, and ids or categories that it may have meant."""

    def __init__(self, what: str, remedy: str = "", nearest: Iterable[str] = ()) -> None:
        self.nearest = tuple(nearest)
        super().__init__(what, f"did you mean {', '.join(self.nearest)}?" if self.nearest else remedy)


class Recorded(Rule):
    """A rule and its history."""

    created_at: datetime
    created_by: Said
    why: Said
    removed_at: datetime | None = None
    removed_by: Said | None = None
    removed_why: Said | None = None

    @property
    def rule(self) -> Rule:
        """The rule alone: what clients are told."""
        return Rule.model_validate(self.model_dump(include=set(Rule.model_fields)))


class Change(BaseModel):
    """One change of the rules: who did what to which rule, when and why."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str
    did: Literal["added", "removed"]
    why: str
    rule: Rule


def parse_body(values: Any) -> RuleBody:
    """Return what a rule says. Raises ``RuleRefused`` that names what is wrong."""
    try:
        return RuleBody.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")))) for e in error.errors())
        raise RuleRefused(f"no such rule: {wrong}", f"kinds: {', '.join(KINDS)}; see: goeswith rules add --help") from error


def check_said(by: str, whys: Iterable[str]) -> None:
    """Raise ``RuleRefused`` unless somebody says why."""
    for name, text in (("by", by), *(("why", why) for why in whys)):
        if not text.strip() or len(text) > MAX_WHY_CHARS:
            raise RuleRefused(f"{name!r} of {len(text.strip())} characters: a change of the rules needs a reason", f"1 to {MAX_WHY_CHARS} characters")


def list_changes(rules: Iterable[Recorded]) -> list[Change]:
    """Return every change that made the rules what they are, the newest first."""
    changes = []
    for found in rules:
        changes.append(Change(at=found.created_at, by=found.created_by, did="added", why=found.why, rule=found.rule))
        if found.removed_at is not None:
            by, why = found.removed_by or "", found.removed_why or ""
            changes.append(Change(at=found.removed_at, by=by, did="removed", why=why, rule=found.rule))
    return sorted(changes, key=lambda change: (change.at, change.rule.number), reverse=True)
