"""A circuit breaker: after some failures in a row nobody waits for a server that is away."""

import time
from collections.abc import Callable
from threading import Lock


class Breaker:
    """Opens after ``failures`` in a row; lets one trial through every ``reset_s`` seconds; closes on the first success."""

    def __init__(self, failures: int, reset_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._reset_s = reset_s
        self._clock = clock
        self._failed = 0
        self._open_until = 0.0
        self._lock = Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return self._failed >= self._limit and self._clock() < self._open_until

    def allow(self) -> bool:
        """Return whether a call may go out; an open breaker lets one through once its time is up."""
        with self._lock:
            if self._failed < self._limit:
                return True
            if self._clock() < self._open_until:
                return False
            self._open_until = self._clock() + self._reset_s
            return True

    def succeeded(self) -> None:
        """Note an answer."""
        with self._lock:
            self._failed = 0

    def failed(self) -> None:
        """Note a failure."""
        with self._lock:
            self._failed += 1
            if self._failed >= self._limit:
                self._open_until = self._clock() + self._reset_s
