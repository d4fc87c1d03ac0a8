"""The fallback chain of one question: precomputed neighbours, the model, what sells best; each step says why it was passed over."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goeswith_client.answers import Item, RankedItem, Source
from goeswith_client.choosing import RERANKED, Choosing, Chosen, say_left_out, widen
from goeswith_client.errors import ClientError, DeadlineExceeded, ModelRefused, ModelUnavailable
from goeswith_client.experiments import STEPS, Step
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_K
from goeswith_client.rerank import Reranker
from goeswith_client.rulebook import NO_RULES, Rulebook, Ruling
from goeswith_client.triton import Models

OUTPUTS = ("item_ids", "scores", "source")
AWAY = (ModelUnavailable, DeadlineExceeded, ModelRefused)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ranked items of one step, filtered and cut to k, and what rules left out of them."""

    items: tuple[RankedItem, ...]
    source: Source
    model_version: str | None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Chain:
    """One question about a known item: its ``kind``, how many answers, what they must be, what is preferred, the rules, and the ``steps`` to take."""

    features: Features
    models: Models
    query: Item
    kind: str
    k: int
    filters: Filters
    reranker: Reranker | None = None
    rules: Rulebook = NO_RULES
    steps: Sequence[Step] = STEPS
    notes: list[str] = field(default_factory=list)
    failure: ClientError | None = None
    """Why the model did not answer, where it was asked and did not."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What rules kept out of steps that had nothing else."""
    ruling: Ruling = field(init=False)

    def __post_init__(self) -> None:
        self.ruling = self.rules.about([self.query], self.kind)

    def answer(self) -> Candidates | None:
        """Return the first step that fills k places, else the one that fills most, else what is pinned; None where all are empty.

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
        best = best or self._candidates(self._kept([]), "rules", None)
        self.notes += best.notes if best else say_left_out(self.left_out)
        return best

    def precomputed(self) -> Candidates | None:
        """Return the neighbours that were computed in advance."""
        found = self.features.neighbours(self.kind, [self.query.item_id]).get(self.query.item_id)
        if found is None:
            self.notes.append("no precomputed neighbours")
            return None
        chosen = self._kept([neighbour for neighbour in found.found if neighbour.sure or not self.filters.sure])
        if len(chosen.items) < self.k:
            self.notes.append(f"{'sure ' if self.filters.sure else ''}precomputed neighbours fill {len(chosen.items)} of {self.k} places")
        return self._candidates(chosen, "precomputed", found.model_version)

    def ask_model(self) -> Candidates | None:
        """Search with the model, category and brand inside; wider for price and stock, until k are found or none are left."""
        version = ""

        def search(wanted: int) -> list[Neighbour]:
            nonlocal version
            found, version = self._search(wanted)
            return found

        try:
            chosen = widen(search, self._kept, self.k, self._first_asked())
        except AWAY as error:
            self.failure = error
            self.notes.append(error.what)
            return None
        source: Source = "content" if chosen.items and all(item.basis == "content" for item in chosen.items) else "model"
        return self._candidates(chosen, source, version)

    def _first_asked(self) -> int:
        """Return how many candidates are asked for at first: as many as there are places, where nothing takes some away."""
        times = RERANKED if self.reranker else 2 if self.filters.momentary or self.ruling.keeps_out else 1
        return min(MAX_K, times * self.k)

    def bestsellers(self) -> Candidates | None:
        """Return what sells best: beside the item for a substitute, elsewhere in the shop for a complement."""
        own = self.query.category[-1] if self.query.category else ""
        ranked = [item for item in self.features.bestsellers(own if self.kind == "substitute" else "") if item != self.query.item_id]
        found = [Neighbour(item, 1.0 / place, "sales", f"sells best in {own or 'the shop'}") for place, item in enumerate(ranked, 1)]
        return self._candidates(self._kept(found, elsewhere=self.kind == "complement"), "category_bestseller", None)

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

    def _kept(self, found: Sequence[Neighbour], *, elsewhere: bool = False) -> Chosen:
        choosing = Choosing(self.features, [self.query], self.k, self.filters, self.ruling, self.reranker)
        return choosing.choose(found, (lambda item: item.category != self.query.category) if elsewhere else None)

    def _candidates(self, chosen: Chosen, source: Source, version: str | None) -> Candidates | None:
        """Return the items of a step; None where it found none, whatever is pinned beside them while there is room."""
        own = source == "rules" or len(chosen.items) == self.k or any(item.basis != "rule" for item in chosen.items)
        if not chosen.items or not own:
            self.left_out |= chosen.left_out
            return None
        return Candidates(chosen.told(chosen.items), source, version, tuple(say_left_out(chosen.left_out)))


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
