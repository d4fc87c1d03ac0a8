"""Clients that hold a connection without using it: every phase of one has an end, so that a thousand of them pass.

uvicorn bounds how long an idle connection is kept between requests; a head that never ends, or an answer that nobody reads, it waits for.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""Until the head of a request is there, from the connection, or the first byte after an earlier answer."""
READ_S = 30.0
"""Until a client has read what it was sent."""


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes on who sends no whole head, keeps sending what nobody wants, or reads nothing."""

    head_s = HEAD_S
    read_s = READ_S
    _head: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Wait for the first request's head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take in data; between requests it belongs to a head, and the clock runs from its first byte."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        else:
            self._head = _cancel(self._head)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._reader = self._reader or self._later(self.read_s)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._reader = _cancel(self._reader)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._head, self._reader = _cancel(self._head), _cancel(self._reader)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head = self._head or self._later(self.head_s)

    def _later(self, seconds: float) -> asyncio.TimerHandle:
        give_up: Callable[[], None] = self.transport.abort
        return self.loop.call_later(seconds, give_up)


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a clock; return what stands for one that is not running."""
    if timer is not None:
        timer.cancel()
    return None
