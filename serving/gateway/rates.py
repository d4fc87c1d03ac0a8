"""No caller takes the gateway for itself: a window that moves over the last minute (or second, hour, day) counts each one's requests."""

import ipaddress
import math
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.problems import answer_problem
from serving.gateway.seen import current

FREE = frozenset({"/health", "/ready", "/metrics"})
"""Asked by machines that must learn, above all under load, how it goes."""


class LimitRate:
    """Answers 429 above ``rate`` ('600/minute'): for each key, and where none is needed for each address."""

    def __init__(self, app: ASGIApp, rate: str) -> None:
        self.app = app
        self.rate = rate
        self._limit = parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its caller has room left."""
        if scope["type"] != "http" or scope["path"] in FREE:
            await self.app(scope, receive, send)
            return
        who = caller_of(scope)
        if self._limiter.hit(self._limit, who):
            await self.app(scope, receive, send)
            return
        wait_s = max(1, math.ceil(self._limiter.get_window_stats(self._limit, who).reset_time - time.time()))
        remedy = f"wait {wait_s} s, or raise GOESWITH_GATEWAY__RATE"
        refusal = answer_problem(429, "TooManyRequests", f"more than {self.rate}", remedy, {"Retry-After": str(wait_s)})
        await refusal(scope, receive, send)


def caller_of(scope: Scope) -> str:
    """Return whom a request is counted for. One caller holds a whole /64 of IPv6: that network counts as one."""
    if current().key:
        return f"key {current().key}"
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host
