"""Where a shop's data comes from: each source gives raw frames and says what it lacks."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from goeswith.errors import ConfigError
from goeswith.profile import Profile
from spark_jobs.sources.base import LACKS, RawTables, Source

SOURCES: dict[str, str] = {
    "synthetic": "spark_jobs.sources.synthetic",
    "files": "spark_jobs.sources.files",
    "hm": "spark_jobs.sources.hm",
    "bundlerec": "spark_jobs.sources.bundlerec",
    "amazon-relations": "spark_jobs.sources.amazon_relations",
    "amazon-meta": "spark_jobs.sources.amazon_meta",
    "instacart": "spark_jobs.sources.instacart",
    "gatne": "spark_jobs.sources.gatne",
}
"""Source name -> module that holds its ``build(profile, data, options)``."""


def build_source(name: str, data: Path | None, options: Mapping[str, Any], profile: Profile) -> Source:
    """Return a source that is ready to be read.

    ``data`` is the source's folder (None for ``synthetic``, which writes its own below the profile's home); ``options`` are the
    source's own (``synthetic``: seed, size). Raises ``ConfigError`` for an unknown source or option, ``SourceUnreadable`` for a
    folder that is not there.
    """
    if name not in SOURCES:
        raise ConfigError(f"no source is called {name!r}", f"sources: {', '.join(SOURCES)}")
    source: Source = import_module(SOURCES[name]).build(profile, data, options)
    return source


__all__ = ["LACKS", "SOURCES", "RawTables", "Source", "build_source"]
