"""The contract between a stream and whoever takes it in: what a micro-batch brought, and what of it could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class Came:
    """Raw frames by target, and why each refused file was."""

    raw: Mapping[str, DataFrame]
    refused: Mapping[str, str] = field(default_factory=dict)


class Stream(Protocol):
    """Somewhere that rows keep coming from."""

    @property
    def name(self) -> str:
        """The name of its folder below the profile's home."""

    @property
    def source(self) -> str:
        """The source that its refused rows stand under in the quarantine."""

    @property
    def remedy(self) -> str:
        """What to see to where it breaks off."""

    def open(self, spark: SparkSession) -> DataFrame:
        """Return the streaming frame."""

    def read(self, batch: DataFrame) -> Came:
        """Return the raw frames of one micro-batch of that frame."""
