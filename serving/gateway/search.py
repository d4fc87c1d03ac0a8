"""``/search``: the newest release's items by words, for a person who knows no ids."""

from collections.abc import Iterator
from threading import Lock
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from goeswith import lake
from goeswith.profile import Profile
from goeswith_client import Client, ClientError, Item
from serving.gateway.catalogue_index import CatalogueIndex
from serving.gateway.newest import NewestRelease

MAX_FOUND = 60
MAX_QUESTION_CHARS = 200
COLUMNS = tuple(Item.model_fields)


class Question(BaseModel):
    """Words, and how many items at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field(default="", max_length=MAX_QUESTION_CHARS)
    k: int = Field(default=24, ge=1, le=MAX_FOUND)


class Found(BaseModel):
    """The items of a release that a question finds, best first; ``total`` counts those beyond ``k``, too."""

    q: str
    items: tuple[Item, ...]
    total: int
    release: str


class CatalogueSearch:
    """Holds the index of the newest release's items: built at the first question, and again where a release has other ones."""

    def __init__(self, profile: Profile, newest: NewestRelease) -> None:
        self._profile = profile
        self._newest = newest
        self._lock = Lock()
        self._held: tuple[int, CatalogueIndex] | None = None

    def index(self) -> tuple[str, CatalogueIndex]:
        """Return the newest release's name and its index. Raises ``VersionMissing`` before the first release."""
        release = self._newest.require()
        version = release.version_of("items")
        with self._lock:
            if self._held is None or self._held[0] != version:
                self._held = (version, CatalogueIndex(released_items(self._profile, version)))
            return release.name, self._held[1]


def released_items(profile: Profile, version: int) -> Iterator[Item]:
    """Yield the items of a version of the catalogue."""
    for batch in lake.read_batches(profile, "items", version=version, columns=COLUMNS):
        for row in batch.to_pylist():
            yield Item(**{**row, "category": tuple(row["category"] or ())})


def add_search(app: FastAPI, client: Client, catalogue: CatalogueSearch) -> None:
    """Add the route."""

    @app.get("/search")
    def search(asked: Annotated[Question, Query()]) -> Found:
        """Find items by words of their title, brand, category or id; without a word, what sells best."""
        release, index = catalogue.index()
        items, total = index.find(asked.q, asked.k) if asked.q.strip() else index.first(asked.k)
        shown = items if asked.q.strip() else best_sold(client, asked.k) or items
        return Found(q=asked.q, items=tuple(shown), total=total, release=release)


def best_sold(client: Client, k: int) -> list[Item]:
    """Return what sells best in the whole shop; nothing where the features cannot say."""
    try:
        best = client.features.bestsellers("")[:k]
        known = client.features.items(best)
    except ClientError:
        return []
    return [known[item_id] for item_id in best if item_id in known]
