"""The newest release, looked up at most every few seconds however many ask."""

import time
from threading import Lock

from goeswith.errors import VersionMissing
from goeswith.profile import Profile
from goeswith.releases import Release, read_release

RECHECK_S = 5.0


class NewestRelease:
    """Returns the newest release that may be read, or None before the first one. Thread-safe."""

    def __init__(self, profile: Profile, recheck_s: float = RECHECK_S) -> None:
        self._profile = profile
        self._recheck_s = recheck_s
        self._lock = Lock()
        self._read_at = float("-inf")
        self._release: Release | None = None

    def get(self) -> Release | None:
        """Return the release, as it was at most ``recheck_s`` ago."""
        with self._lock:
            if time.monotonic() - self._read_at >= self._recheck_s:
                self._release, self._read_at = self._read(), time.monotonic()
            return self._release

    def require(self) -> Release:
        """Return the release. Raises ``VersionMissing`` before the first one."""
        release = self.get()
        if release is None:
            raise VersionMissing("nothing was released yet", "run: goeswith run ingest")
        return release

    def _read(self) -> Release | None:
        try:
            return read_release(self._profile)
        except VersionMissing:
            return None
