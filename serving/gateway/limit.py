"""Requests that are too large, or come too slowly, end before they are read whole."""

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goeswith_client.limits import MAX_IMAGE_BYTES
from serving.gateway.problems import answer_problem

MAX_BODY_BYTES = MAX_IMAGE_BYTES * 4 // 3 + 2**17
"""A picture in base64, and the texts."""
MAX_HELD_BYTES = 16 * MAX_BODY_BYTES
"""Of all requests together: a thousand large pictures at once must not fill the memory."""


class LimitBody:
    """Answers 413 to a body above ``max_bytes``, declared or not, 408 to one that takes over ``seconds``, 503 where no room is left for it."""

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float, max_held: int = MAX_HELD_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.max_held = max_held
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, having read at most ``max_bytes`` of its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            refusal = await self._read(scope, receive, body)
            await (refusal(scope, receive, send) if refusal else self.app(scope, _replay(bytes(body), receive), send))
        finally:
            self._held -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> JSONResponse | None:
        """Read a request into ``body``; return why not."""
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self.max_bytes:
            return self._too_large()
        with anyio.move_on_after(self.seconds):
            return await self._read_all(receive, body)
        what, remedy = f"a body that took longer than {self.seconds:g} s", "send it faster, or raise GOESWITH_GATEWAY__BODY_S"
        return _refuse(408, "RequestTimeout", what, remedy)

    async def _read_all(self, receive: Receive, body: bytearray) -> JSONResponse | None:
        while True:
            message = await receive()
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > self.max_bytes:
                return self._too_large()
            if self._held > self.max_held:
                return _refuse(503, "Busy", "too many large requests at once", "ask again in a moment", {"Retry-After": "1"})
            if not message.get("more_body", False):
                return None

    def _too_large(self) -> JSONResponse:
        return _refuse(413, "InvalidRequest", f"a request above {self.max_bytes} bytes", "send a smaller picture")


def _refuse(status: int, error: str, what: str, remedy: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a refusal that ends the connection: the rest of the body is not wanted."""
    return answer_problem(status, error, what, remedy, {"Connection": "close", **(headers or {})})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once, then what the connection says."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
