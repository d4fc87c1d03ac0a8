"""``/rules``: what merchandisers say about answers, listed, added and removed by whoever has a key for it."""

from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from goeswith.profile import Profile
from goeswith_client import InvalidRequest
from goeswith_client.rules import RuleBody
from serving.gateway.bodies import Problem
from serving.gateway.seen import current
from serving.rules.recorded import Change, Recorded, RuleRefused, Said, list_changes
from serving.rules.refusals import told
from serving.rules.table import add_rules, read_rules, remove_rules

MAX_SHOWN = 200
NO_KEY = "gateway without keys"
"""Who changed a rule where nobody needs a key."""
OWN = ("same-origin", "none")
"""What a browser says of a request that our page, or nobody's, sent."""

RuleId = Annotated[str, Path(max_length=20)]


class Sought(BaseModel):
    """Words that rules are found by: an id, an item, a category, a reason, who; '' finds all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(default="", max_length=200)
    k: int = Field(default=MAX_SHOWN, ge=1, le=MAX_SHOWN)


class SoughtChanges(BaseModel):
    """The rule whose changes are asked for; '' asks for those of all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule_id: str = Field(default="", max_length=20)
    k: int = Field(default=MAX_SHOWN, ge=1, le=MAX_SHOWN)


class Removal(BaseModel):
    """Why a rule is removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: Said


class NewRule(RuleBody):
    """A rule, and why it is added."""

    why: Said


class Told(Recorded):
    """A rule with its history, and in words."""

    says: str


class Rules(BaseModel):
    """The rules that stand and match, the newest first; ``total`` counts those beyond ``k``, too."""

    rules: tuple[Told, ...]
    total: int


class ToldChange(Change):
    """A change, its rule in words."""

    says: str


class Changes(BaseModel):
    """Changes of the rules, the newest first; ``total`` counts those beyond ``k``, too."""

    changes: tuple[ToldChange, ...]
    total: int


def require_own(request: Request) -> None:
    """Raise ``InvalidRequest`` for a change that another site's page asks for: on loopback no key would stop it."""
    if request.headers.get("sec-fetch-site", "none") not in OWN:
        raise InvalidRequest("a change of the rules from another site", "use the gateway's own page, or no browser")


def add_rule_routes(app: FastAPI, profile: Profile) -> None:
    """Add the routes."""

    @app.exception_handler(RuleRefused)
    def refuse(_: Request, error: RuleRefused) -> JSONResponse:
        problem = Problem(error="RuleRefused", what=error.what, remedy=error.remedy, nearest=error.nearest, request_id=current().request_id)
        return JSONResponse(problem.model_dump(), 422)

    @app.get("/rules")
    def rules(asked: Annotated[Sought, Query()]) -> Rules:
        """List the rules that stand, and those to come and those that ended: all, or those in which words are found."""
        found = [rule for rule in map(tell, reversed(read_rules(profile))) if rule.removed_at is None and asked.q.lower() in words_of(rule)]
        return Rules(rules=tuple(found[: asked.k]), total=len(found))

    @app.get("/rules/history")
    def history(asked: Annotated[SoughtChanges, Query()]) -> Changes:
        """Say who added and removed which rule, when and why."""
        found = [change for change in list_changes(read_rules(profile)) if asked.rule_id in ("", change.rule.rule_id)]
        return Changes(changes=tuple(ToldChange(**dict(change), says=told(change.rule)) for change in found[: asked.k]), total=len(found))

    @app.post("/rules", status_code=201, dependencies=[Depends(require_own)])
    def add(rule: NewRule) -> Told:
        """Add a rule; it holds from the next question on."""
        body = RuleBody.model_validate(rule.model_dump(exclude={"why"}))
        return tell(add_rules(profile, [body], by=current().key or NO_KEY, why=rule.why)[0])

    @app.delete("/rules/{rule_id}", dependencies=[Depends(require_own)])
    def remove(rule_id: RuleId, removal: Annotated[Removal, Query()]) -> Told:
        """Remove a rule: from the next question on it does nothing. The history keeps it."""
        return tell(remove_rules(profile, [rule_id], by=current().key or NO_KEY, why=removal.why)[0])


def tell(rule: Recorded) -> Told:
    """Return a rule with its words."""
    return Told(**rule.model_dump(), says=told(rule))


def words_of(rule: Told) -> str:
    """Return all that a search looks through."""
    return "\n".join((rule.rule_id, rule.says, rule.text, rule.why, rule.created_by)).lower()
