"""Homes in which a test may change everything but the models that were trained once for all tests of its module."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.profile import Profile, load_profile


def copy_home(trained: Path, home: Path) -> Profile:
    """Return a home of the caller's own with the lake and the models of ``trained``."""
    shutil.copytree(trained, home, ignore=shutil.ignore_patterns("models"))
    (home / "models").symlink_to(trained / "models")
    return load_profile(overrides={"home": home})


def write_items(profile: Profile, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the catalogue: what they say of an item holds from now on."""
    columns = pa.schema([field for field in find_table("items").schema if field.name != "updated_at"])
    lake.write_table(profile, "items", pa.Table.from_pylist(list(rows), schema=columns), writer=Writer.SPARK)
