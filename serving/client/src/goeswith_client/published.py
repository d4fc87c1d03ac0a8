"""Which models are published: the run that trained them, and the version under which Triton serves them."""

import json
from pathlib import Path


class PublishedModels:
    """The model repository's manifest, read again when it was replaced; None where the client was told of none."""

    def __init__(self, manifest: Path | None) -> None:
        self._path = manifest
        self._read: tuple[int, str, str] | None = None

    def name(self, known: str | None) -> str | None:
        """Return 'RUN/VERSION' of the models behind an answer, of which the run or the version is ``known``; None: the current ones.

        Models that are no longer, or not yet, the published ones keep the half that is known.
        """
        current = self._current()
        if current is None:
            return known
        return "/".join(current) if known is None or known in current else known

    def _current(self) -> tuple[str, str] | None:
        if self._path is None or not self._path.exists():
            return None
        stamp = self._path.stat().st_mtime_ns
        if self._read is None or self._read[0] != stamp:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            self._read = (stamp, str(found["run"]), str(found["version"]))
        return self._read[1:]
