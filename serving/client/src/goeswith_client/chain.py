"""The fallback chain of one question: precomputed neighbours, the model, what sells best; each step says why it was passed over."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goeswith_client.answers import Item, RankedItem, Source
from goeswith_client.errors import ClientError, DeadlineExceeded, ModelRefused, ModelUnavailable
from goeswith_client.experiments import STEPS, Step
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_K
from goeswith_client.triton import Models

OUTPUTS = ("item_ids", "scores", "source")
AWAY = (ModelUnavailable, DeadlineExceeded, ModelRefused)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ranked items of one step, filtered and cut to k."""

    items: tuple[RankedItem, ...]
    source: Source
    model_version: str | None


@dataclass(slots=True)
class Chain:
    """One question about a known item: its ``kind``, how many answers, what they must be, and the ``steps`` that may answer."""

    features: Features
    models: Models
    query: Item
    kind: str
    k: int
    filters: Filters
    steps: Sequence[Step] = STEPS
    notes: list[str] = field(default_factory=list)
    failure: ClientError | None = None
    """Why the model did not answer, where it was asked and did not."""

    def answer(self) -> Candidates | None:
        """Return the first step that fills k places, else the one that fills most; None where all are empty.

        Where only sure answers are asked for, nothing fills the places of neighbours that are not.
        """
        best: Candidates | None = None
        ways = {"precomputed": self.precomputed, "model": self.ask_model, "category_bestseller": self.bestsellers}
        for step in (ways[name] for name in self.steps):
            if (step == self.bestsellers and best) or (step != self.precomputed and self.filters.sure):
                break
            found = step()
            if found and (best is None or len(found.items) > len(best.items)):
                best = found
            if best and len(best.items) == self.k:
                break
        return best

    def precomputed(self) -> Candidates | None:
        """Return the neighbours that were computed in advance."""
        found = self.features.neighbours(self.kind, self.query.item_id)
        if found is None:
            self.notes.append("no precomputed neighbours")
            return None
        items = self._kept([neighbour for neighbour in found.found if neighbour.sure or not self.filters.sure])
        if len(items) < self.k:
            self.notes.append(f"{'sure ' if self.filters.sure else ''}precomputed neighbours fill {len(items)} of {self.k} places")
        return _candidates(items, "precomputed", found.model_version)

    def ask_model(self) -> Candidates | None:
        """Search with the model, category and brand inside; wider for price and stock, until k are found or none are left."""
        wanted = min(MAX_K, 2 * self.k) if self.filters.momentary else self.k
        while True:
            try:
                found, version = self._search(wanted)
            except AWAY as error:
                self.failure = error
                self.notes.append(error.what)
                return None
            items = self._kept(found)
            if len(items) >= self.k or len(found) < wanted or wanted == MAX_K:
                source: Source = "content" if items and all(item.basis == "content" for item in items) else "model"
                return _candidates(items, source, version)
            wanted = min(MAX_K, wanted * 4)

    def bestsellers(self) -> Candidates | None:
        """Return what sells best: beside the item for a substitute, elsewhere in the shop for a complement."""
        own = self.query.category[-1] if self.query.category else ""
        ranked = [item for item in self.features.bestsellers(own if self.kind == "substitute" else "") if item != self.query.item_id]
        found = [Neighbour(item, 1.0 / place, "sales", f"sells best in {own or 'the shop'}") for place, item in enumerate(ranked, 1)]
        return _candidates(self._kept(found, elsewhere=self.kind == "complement"), "category_bestseller", None)

    def _search(self, k: int) -> tuple[list[Neighbour], str]:
        inputs = {
            "item_id": ("BYTES", self.query.item_id),
            "type": ("BYTES", self.kind),
            "k": ("INT32", k),
            "category_filter": ("BYTES", self.filters.category),
            "brand_filter": ("BYTES", self.filters.brand),
        }
        answer = self.models.infer("relations", inputs, OUTPUTS)
        return list(read_ranked(answer.outputs)), answer.model_version

    def _kept(self, found: list[Neighbour], *, elsewhere: bool = False) -> list[RankedItem]:
        def accept(item: Item) -> bool:
            return self.filters.accept(item) and not (elsewhere and item.category == self.query.category)

        wanted = found[: self.k] if self.filters.take_all and not elsewhere else found
        kept = self.filters.pick(hydrate(self.features, wanted, accept), [self.query])
        if len(kept) < self.k and len(wanted) < len(found):  # the shop no longer knows some of them
            kept += self.filters.pick(hydrate(self.features, found[len(wanted) :], accept), [self.query])
        return kept[: self.k]


def read_ranked(outputs: Mapping[str, Sequence[Any]]) -> Iterator[Neighbour]:
    """Yield what a model ranked; places that it left empty are dropped. Raises ``ModelUnavailable`` for scores that order nothing (NaN)."""
    sources = outputs.get("source", ["bundle"] * len(outputs["item_ids"]))
    for item_id, score, basis in zip(outputs["item_ids"], outputs["scores"], sources, strict=True):
        if item_id:
            if not math.isfinite(score):
                raise ModelUnavailable(f"the model scored {item_id!r} with {score}: its weights are damaged", "publish another version of the models")
            yield Neighbour(item_id, score, basis, _REASONS.get(basis, ""))


_REASONS = {
    "behaviour": "the model, from what users did with both",
    "cold_start": "the model, by what users did with similar items",
    "content": "similar in content",
    "bundle": "the model: what is bought or put together with such items",
}


def hydrate(features: Features, found: list[Neighbour], accept: Callable[[Item], bool]) -> list[RankedItem]:
    """Return ranked items with what the shop says of them now; those that it no longer knows, or that are not accepted, drop out."""
    known = features.items([neighbour.item_id for neighbour in found])
    pairs = ((neighbour, known.get(neighbour.item_id)) for neighbour in found)
    return [
        RankedItem(**item.model_dump(), score=neighbour.score, basis=neighbour.basis, reason=neighbour.reason, sure=neighbour.sure)
        for neighbour, item in pairs
        if item is not None and accept(item)
    ]


def _candidates(items: list[RankedItem], source: Source, version: str | None) -> Candidates | None:
    return Candidates(tuple(items), source, version) if items else None
