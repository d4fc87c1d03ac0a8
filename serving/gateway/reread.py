"""Rereading what gauges show, at most every few minutes, and never on the way of an answer."""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from goeswith.errors import GoeswithError

logger = logging.getLogger(__name__)

RECHECK_S = 300.0
T = TypeVar("T")


class Reread(Generic[T]):
    """What ``read`` returned last. What cannot be read leaves it as it was, and the log says so."""

    def __init__(self, read: Callable[[], T], first: T, recheck_s: float = RECHECK_S) -> None:
        self._read, self._last, self._recheck_s = read, first, recheck_s
        self._reading = Lock()
        self._read_at = float("-inf")

    def get(self) -> T:
        """Return it, read again if it is old and nobody reads already."""
        if time.monotonic() - self._read_at >= self._recheck_s and self._reading.acquire(blocking=False):
            try:
                self._last, self._read_at = self._renewed(), time.monotonic()
            finally:
                self._reading.release()
        return self._last

    def _renewed(self) -> T:
        try:
            return self._read()
        except (GoeswithError, OSError, ValueError) as error:
            logger.warning("%s", error)
            return self._last
