"""Source ``synthetic``: the generated shop, written once a seed and then read as anybody's files are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import SparkSession

from goeswith.config import STRICT, parse_config
from goeswith.profile import Profile
from goeswith.results import read_figures, write_figures
from spark_jobs.sources.base import RawTables
from spark_jobs.sources.files import FilesSource
from spark_jobs.sources.mapping import Mapping as FileMapping
from spark_jobs.sources.shop import DEFAULT_SEED, DEFAULT_SIZE, SMALLEST_SIZE, ceilings, plant_shop
from spark_jobs.sources.shop.generate import MAPPING, is_complete, write_shop

CEILINGS = "ceilings"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Which shop: the same seed and size (number of items) give the same bytes."""

    seed: int = Field(default=DEFAULT_SEED, ge=0)
    size: int = Field(default=DEFAULT_SIZE, ge=SMALLEST_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSource:
    """The generated shop of one seed and size."""

    profile: Profile
    config: Config
    name: str = "synthetic"

    @property
    def files(self) -> FilesSource:
        """The generated folder as the ``files`` source reads it."""
        folder = self.profile.root / "sources" / f"synthetic-{self.config.seed}"
        return FilesSource(folder=folder, mapping=FileMapping.model_validate(MAPPING), name=self.name)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Nothing is missing."""
        return self.files.lacks

    def read(self, spark: SparkSession) -> RawTables:
        """Write the shop, its truth and its ceilings where they are not there yet, and return the raw frames."""
        self._write_once()
        return self.files.read(spark)

    def _write_once(self) -> None:
        seed, size, folder = self.config.seed, self.config.size, self.files.folder
        if is_complete(folder, self.profile.truth, seed, size) and read_figures(self.profile, CEILINGS):
            return
        shop = plant_shop(seed, size)
        write_figures(self.profile, CEILINGS, ceilings(shop.truth, seed))
        write_shop(shop, folder, self.profile.truth, seed)


def build(profile: Profile, _data: Path | None, options: Mapping[str, Any]) -> SyntheticSource:
    """Return the source; it needs no folder, for it writes its own below the profile's home."""
    return SyntheticSource(profile=profile, config=parse_config(Config, options, where="source synthetic"))
