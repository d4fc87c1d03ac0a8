"""How a hash puts an id into test, validation or neither: the same id and seed always go the same way."""

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

TEST, VALIDATION, LATER = "test", "validation", "later"
BUCKETS = 1_000_000


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of test and validation, the seed of the hash, and the share of the baskets that are later than what is tested."""

    test: float
    validation: float
    seed: int
    later: float = 0.0

    def uniform(self, purpose: str, *ids: str) -> Column:
        """Return a number in [0, 1) that ids and purpose decide; another purpose draws anew."""
        return F.pmod(F.xxhash64(F.lit(self.seed), F.lit(purpose), *ids), F.lit(BUCKETS)) / F.lit(BUCKETS)

    def of(self, purpose: str, *ids: str) -> Column:
        """Return 'test', 'validation' or null, in the configured shares."""
        drawn = self.uniform(purpose, *ids)
        return F.when(drawn < self.test, TEST).when(drawn < self.test + self.validation, VALIDATION)

    def of_chosen(self, purpose: str, *ids: str) -> Column:
        """Return 'test' or 'validation' for what is reserved in any case, in the proportion of the shares."""
        test_share = self.test / ((self.test + self.validation) or 1.0)
        return F.when(self.uniform(purpose, *ids) < test_share, TEST).otherwise(VALIDATION)


def reserved(kind: str, name: Column, split: Column, reason: str) -> list[Column]:
    """Return the holdout's columns."""
    return [F.lit(kind).alias("kind"), name.alias("id"), split.alias("split"), F.lit(reason).alias("reason")]
