"""Who may ask: each route needs a key with its scope, but for those that hold no data."""

from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.keys import Keys
from serving.gateway.problems import answer_problem
from serving.gateway.seen import current

OPEN = frozenset({"/", "/health", "/ready", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
OPEN_FOLDER = "/page/"
"""The page's static files: they ask with the key that its reader has."""
SCOPE_OF = {
    "ask": "ask",
    "items": "ask",
    "explain": "ask",
    "search": "search",
    "pictures": "search",
    "metrics": "metrics",
    "dashboard": "dashboard",
    "rules": "rules",
    "events": "events",
    "offers": "offers",
}
"""First segment of a path -> the scope. A path that stands in neither list needs a scope that no key has: what is forgotten here stays shut."""
SCHEME = "key"
_CREATE = "goeswith keys create --name NAME --scopes {scope}"


def scope_of(path: str) -> str | None:
    """Return the scope that a path needs; None for one that needs no key."""
    if path in OPEN or path.startswith(OPEN_FOLDER):
        return None
    first = path.split("/")[1] if path.startswith("/") else ""
    return SCOPE_OF.get(first, "none")


class RequireKey:
    """Refuses before a body is read: 401 without a valid key, 403 for one that lacks the scope."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its key opens its path."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        needed = scope_of(scope["path"])
        if needed is None or not self.keys.needed:
            return None
        scheme, _, shown = Headers(scope=scope).get("authorization", "").partition(" ")
        found = self.keys.find(shown.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            what = "a key that is unknown or revoked" if shown else "a question without a key"
            remedy = f"send 'Authorization: Bearer KEY' ('goeswith ask' reads GOESWITH_GATEWAY__ASK__KEY); {_CREATE.format(scope=needed)}"
            return _refuse(401, "Unauthorized", what, remedy, "")
        current().key = found.name
        if needed not in found.scopes:
            what = f"the key {found.name!r} does not open {needed!r}: it has {', '.join(found.scopes)}"
            return _refuse(403, "Forbidden", what, _CREATE.format(scope=needed), f', error="insufficient_scope", scope="{needed}"')
        return None


def declare_keys(app: FastAPI) -> None:
    """Let the OpenAPI say which routes need a key, and with which scope."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        scheme = {"type": "http", "scheme": "bearer", "description": "goeswith keys create; without any key, nobody on loopback needs one"}
        schema.setdefault("components", {})["securitySchemes"] = {SCHEME: scheme}
        for path, operations in schema["paths"].items():
            needed = scope_of(path)
            for operation in operations.values():
                operation["security"] = [] if needed is None else [{SCHEME: [needed]}]
        return schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def _refuse(status: int, error: str, what: str, remedy: str, more: str) -> JSONResponse:
    return answer_problem(status, error, what, remedy, {"WWW-Authenticate": f'Bearer realm="goeswith"{more}'})
