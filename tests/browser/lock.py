"""A lock before the tiny shop's gateway: what the page does where a key is wanted."""

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import Response

KEY = "tiny-key"


class WantsKey(BaseHTTPMiddleware):
    """Answers 401 to those without the key, but for the page's own files."""

    enabled = False

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse, or pass on."""
        is_open = request.url.path == "/" or request.url.path.startswith("/page/")
        if not WantsKey.enabled or is_open or request.headers.get("authorization") == f"Bearer {KEY}":
            return await call_next(request)
        return JSONResponse({"error": "Unauthorized", "what": "no key", "remedy": "send one", "nearest": []}, 401)
