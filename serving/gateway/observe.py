"""Every request gets an id, a line in the log and its place in the metrics."""

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.gateway.logs import write_line
from serving.gateway.metrics import Metrics
from serving.gateway.seen import REQUEST_ID, Seen, begin, template_of

_HARDENING = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
_OF_DATA = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
"""Answers that are data run nothing, wherever a browser shows them; a page sets what it needs itself."""


class Observe:
    """Outermost: it sees what any other layer answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = begin(scope)
        with self.metrics.in_flight.track_inprogress():
            try:
                await self.app(scope, receive, _observed(seen, send))
            finally:
                seen.ms = (time.monotonic() - seen.started) * 1000
                seen.route = template_of(scope)
                self.metrics.observe(seen)
                write_line(seen)


def _observed(seen: Seen, send: Send) -> Send:
    async def observed(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            _add_headers(MutableHeaders(scope=message), seen)
        seen.bytes += len(message.get("body", b""))
        await send(message)

    return observed


def _add_headers(headers: MutableHeaders, seen: Seen) -> None:
    headers[REQUEST_ID] = seen.request_id
    is_data = not headers.get("content-type", "").startswith(("text/html", "text/css", "text/javascript", "image/"))
    for name, value in {**_HARDENING, **(_OF_DATA if is_data else {})}.items():
        headers.setdefault(name, value)
