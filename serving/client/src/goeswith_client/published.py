"""Which models are published: the run that trained them, the version under which Triton serves them, and who asks the canary."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goeswith_client.replaced import ReplacedFile


@dataclass(frozen=True, slots=True)
class Asked:
    """The name and version of a model to send a request to; version '' is the one that Triton takes by itself."""

    model: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a manifest says: run of each version, the current version, and the canary with its share and the names of its models."""

    current: str
    runs: Mapping[str, str]
    canary: str = ""
    share: float = 0.0
    names: Mapping[str, str] = field(default_factory=dict)
    ensembles: frozenset[str] = frozenset()


class PublishedModels:
    """The model repository's manifest, read again when it was replaced; None where the client was told of none."""

    def __init__(self, manifest: Path | None) -> None:
        self._manifest = None if manifest is None else ReplacedFile(manifest, _parse, missing=None)

    def name(self, known: str | None) -> str | None:
        """Return 'RUN/VERSION' of the models behind an answer, of which the run or the version is ``known``; None: the current ones.

        Models that are no longer, or not yet, published keep the half that is known.
        """
        read = self._current()
        if read is None:
            return known
        served = [version for version in (read.current, read.canary) if version]
        found = next((version for version in [*served, *read.runs] if known in (version, read.runs[version])), None)
        version = read.current if known is None else found
        return f"{read.runs[version]}/{version}" if version else known

    def current(self, model: str) -> Asked:
        """Return where the current version of a model is asked. An ensemble of its name is always the current one."""
        read = self._current()
        return Asked(model) if read is None or model in read.ensembles else Asked(model, read.current)

    def canary(self, model: str, query: str) -> Asked | None:
        """Return where the canary is asked if this query is of its share, else None: the same query gives the same, whatever the share was before."""
        read = self._current()
        if read is None or not read.canary or _place(f"{read.canary}/{query}") >= read.share:
            return None
        return Asked(read.names.get(model, model), read.canary)

    def _current(self) -> Read | None:
        return None if self._manifest is None else self._manifest.read()


def _parse(path: Path) -> Read | None:
    manifest: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    current, canary = str(manifest["version"]), manifest.get("canary") or {}
    runs = {str(version["version"]): str(version["run"]) for version in manifest.get("versions", [])}
    models = next((version["models"] for version in manifest.get("versions", []) if str(version["version"]) == current), [])
    return Read(
        current=current,
        runs={**runs, current: str(manifest["run"])},
        canary=str(canary.get("version", "")),
        share=float(canary.get("share", 0.0)),
        names=canary.get("names", {}),
        ensembles=frozenset(model["name"] for model in models if model["platform"] == "ensemble"),
    )


def _place(query: str) -> float:
    """Return where a query stands in [0, 1): the same in every process."""
    return int.from_bytes(hashlib.blake2b(query.encode(), digest_size=8).digest(), "big") / 2**64
