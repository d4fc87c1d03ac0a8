"""What is known of the request at hand: filled in on its way, read by logs and metrics at its end. No part of it is about a person."""

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

from goeswith_client import Answer

REQUEST_ID = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(no route)"


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request. ``route`` is the template, never the path: paths hold ids."""

    request_id: str = ""
    method: str = ""
    route: str = NO_ROUTE
    status: int = 500
    ms: float = 0.0
    bytes: int = 0
    key: str = ""
    source: str = ""
    notes: int = 0
    started: float = field(default_factory=time.monotonic)


_current = ContextVar[Seen | None]("request", default=None)


def begin(scope: Scope) -> Seen:
    """Return what is known of a request that comes in, and make it the one at hand."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    seen = Seen(request_id=_request_id(Headers(scope=scope).get(REQUEST_ID, "")), method=method)
    _current.set(seen)
    return seen


def current() -> Seen:
    """Return the request at hand; an empty one outside of requests."""
    return _current.get() or Seen()


def note(answer: Answer) -> Answer:
    """Note where the request's answer comes from, and return it."""
    seen = current()
    seen.source, seen.notes = answer.source, len(answer.notes)
    return answer


def template_of(scope: Scope) -> str:
    """Return the template of the route that a request took: as many values as there are routes, whatever is asked."""
    return str(getattr(scope.get("route"), "path", "") or NO_ROUTE)


def _request_id(given: str) -> str:
    """Return the caller's id if it is well formed, else one of our own: what comes back in a header and in logs is never raw input."""
    return given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)
