"""How much of a catalogue has lists, how sure they are, and what they rest on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from goeswith import lake
from goeswith.catalogue.graph import RELATION_TYPES
from goeswith.profile import Profile
from goeswith.releases import Release

COLUMNS = ("type", "item_id", "neighbours", "threshold")


class ListCoverage(BaseModel):
    """Of one type: items with a list that is not empty, with a first answer that is sure, and the neighbours by what they rest on."""

    listed: int
    sure: int
    sources: dict[str, int]


class Coverage(BaseModel):
    """Of all items of a release, how many have lists; ``both`` counts those with substitutes and complements."""

    items: int
    both: int
    types: dict[str, ListCoverage]


@dataclass(slots=True)
class _Lists:
    """The lists of one type, as they are read."""

    listed: set[str] = field(default_factory=set)
    sure: int = 0
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one item's list."""
        found, least = row["neighbours"] or [], row["threshold"]
        if found:
            self.listed.add(row["item_id"])
            self.sure += least is not None and max(neighbour["score"] for neighbour in found) >= least
            self.sources.update(neighbour["source"] for neighbour in found)

    def as_coverage(self) -> ListCoverage:
        """Return what was counted, the most frequent source first."""
        return ListCoverage(listed=len(self.listed), sure=self.sure, sources=dict(self.sources.most_common()))


def count_coverage(profile: Profile, release: Release) -> Coverage:
    """Count a release's lists; a release without them covers nothing."""
    lists = {kind: _Lists() for kind in RELATION_TYPES}
    if "item_neighbours" in release.versions:
        for batch in lake.read_batches(profile, "item_neighbours", version=release.version_of("item_neighbours"), columns=COLUMNS):
            for row in batch.to_pylist():
                lists[row["type"]].add(row)
    both = set.intersection(*(found.listed for found in lists.values()))
    items = sum(len(batch) for batch in lake.read_batches(profile, "items", version=release.version_of("items"), columns=("item_id",)))
    return Coverage(items=items, both=len(both), types={kind: found.as_coverage() for kind, found in lists.items()})
