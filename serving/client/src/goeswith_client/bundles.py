"""Bundles: what completes the given items, and whole bundles from one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from goeswith_client import checks
from goeswith_client.answers import Answer, Item, RankedItem, Source, Versions
from goeswith_client.chain import AWAY, OUTPUTS, hydrate, read_ranked
from goeswith_client.errors import ModelUnavailable
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_K
from goeswith_client.reasons import explain_bundle
from goeswith_client.triton import Models

ToVersions = Callable[[str | None], Versions]
CHOSEN_AMONG = 30
"""Completions that the next item of a bundle is chosen among."""


@dataclass(slots=True)
class Completing:
    """One question: what completes the ``given`` items. Without the model, what goes with them one by one."""

    features: Features
    models: Models
    given: Sequence[Item]
    filters: Filters
    notes: list[str] = field(default_factory=list)
    source: Source = "model"
    version: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The given items' ids."""
        return tuple(item.item_id for item in self.given)

    def answer(self, k: int, versions: ToVersions) -> Answer:
        """Return the best ``k`` that are accepted. Raises ``ModelUnavailable`` where nothing answers."""
        items = explain_bundle(self.features, self.complete(k), self.ids)
        return Answer(query=self.ids, type="bundle", items=items, source=self.source, versions=versions(self.version), notes=tuple(self.notes))

    def complete(self, k: int) -> list[RankedItem]:
        """Return the best ``k`` that are accepted: asked for wider and wider until they are found, or none are left."""
        wanted = checks.widened(k)
        while True:
            ranked = self._ranked(wanted)
            items = self.filters.pick(hydrate(self.features, ranked, self.filters.accept), self.given)
            if len(items) >= k or len(ranked) < wanted or wanted == MAX_K or self.source == "precomputed":
                return items[:k]
            wanted = min(MAX_K, wanted * 4)

    def _ranked(self, wanted: int) -> list[Neighbour]:
        try:
            found = self.models.infer("bundle", {"given": ("BYTES", list(self.ids)), "k": ("INT32", wanted)}, OUTPUTS[:2])
            ranked = list(read_ranked(found.outputs))
        except AWAY as error:
            if error.what not in self.notes:
                self.notes.append(error.what)
            self.source, self.version = "precomputed", None
            return self._complements()
        self.version = found.model_version
        return ranked

    def _complements(self) -> list[Neighbour]:
        """Return the precomputed complements of all given items, scores added up. Raises ``ModelUnavailable`` for none."""
        scores: dict[str, float] = {}
        for found in self.features.neighbours("complement", self.ids).values():
            for neighbour in found.found:
                scores[neighbour.item_id] = scores.get(neighbour.item_id, 0.0) + neighbour.score
        ranked = sorted((item for item in scores if item not in self.ids), key=lambda item: (-scores[item], item))
        if not ranked:
            raise ModelUnavailable("the bundle model is away and none of the items has complements", "start the models: goeswith up")
        return [Neighbour(item, scores[item] / len(self.ids), "behaviour", "goes with the given items") for item in ranked]


def make_bundle(asked: Completing, size: int, budget: float | None, versions: ToVersions) -> Answer:
    """Return the seed's bundle, the seed itself left out of the items; each one is what completes those before it best."""
    seed, chosen = asked.given[0], list[RankedItem]()
    left = None if budget is None else budget - (seed.price or 0.0)
    if left is not None and seed.price is None:
        asked.notes.append(f"nobody knows what {seed.item_id} costs: the budget is the others'")
    while len(chosen) < size - 1:
        step = replace(asked, given=(seed, *chosen), filters=_within(asked.filters, left))
        best = next((item for item in step.complete(CHOSEN_AMONG) if _is_new_kind(item, step.given)), None)
        asked.source, asked.version = step.source, step.version
        if best is None:
            asked.notes.append(f"nothing of another kind completes these {len(chosen) + 1} items" + ("" if left is None else f" for {left:.2f}"))
            break
        chosen.append(explain_bundle(asked.features, [best], step.ids)[0])
        left = None if left is None else left - (best.price or 0.0)
    return Answer(
        query=asked.ids, type="made_bundle", items=tuple(chosen), source=asked.source, versions=versions(asked.version), notes=tuple(asked.notes)
    )


def _within(filters: Filters, left: float | None) -> Filters:
    """Return the filters with what is left of the budget as the highest price; a bundle holds no two variants."""
    prices = [price for price in (filters.max_price, left) if price is not None]
    return filters.model_copy(update={"no_variants": True, "max_price": max(0.0, min(prices)) if prices else None})


def _is_new_kind(item: Item, given: Sequence[Item]) -> bool:
    return not item.category or all(item.category[-1:] != other.category[-1:] for other in given)
