"""The synthetic shop: a seeded generator of items, pictures, texts and behaviour with planted truth (docs/synthetic_shop.md)."""

from spark_jobs.sources.shop.ceilings import ceilings
from spark_jobs.sources.shop.generate import DEFAULT_SEED, DEFAULT_SIZE, SMALLEST_SIZE, generate, plant_shop

__all__ = ["DEFAULT_SEED", "DEFAULT_SIZE", "SMALLEST_SIZE", "ceilings", "generate", "plant_shop"]
