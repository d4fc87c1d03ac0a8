"""Bundles: what completes the given items, and whole bundles from one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from goeswith_client import checks
from goeswith_client.answers import Answer, Item, RankedItem, Source, Versions
from goeswith_client.chain import AWAY, OUTPUTS, read_ranked
from goeswith_client.choosing import Choosing, Chosen, say_left_out, widen
from goeswith_client.errors import ModelUnavailable
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.reasons import explain_bundle
from goeswith_client.rerank import Reranker
from goeswith_client.rulebook import NO_RULES, Rulebook, Ruling
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
    reranker: Reranker | None = None
    rules: Rulebook = NO_RULES
    notes: list[str] = field(default_factory=list)
    source: Source = "model"
    version: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The given items' ids."""
        return tuple(item.item_id for item in self.given)

    def answer(self, k: int, versions: ToVersions) -> Answer:
        """Return the best ``k`` that are accepted. Raises ``ModelUnavailable`` where nothing answers."""
        choosing = self.choosing(k, self.rules.about(self.given, "bundle"))
        chosen = self.complete(choosing, checks.widened(k))
        notes = (*self.notes, *say_left_out(chosen.left_out))
        return Answer(query=self.ids, type="bundle", items=self.explain(chosen), source=self.source, versions=versions(self.version), notes=notes)

    def choosing(self, k: int, ruling: Ruling) -> Choosing:
        """Return how ``k`` completions are chosen."""
        return Choosing(self.features, self.given, k, self.filters, ruling, self.reranker)

    def complete(self, choosing: Choosing, wanted: int) -> Chosen:
        """Return the best that are accepted: asked for wider and wider, from ``wanted`` on, until they are found, or none are left."""
        return widen(lambda more: self._ranked(more, pinned=bool(choosing.ruling.pins)), choosing.choose, choosing.k, wanted)

    def explain(self, chosen: Chosen) -> tuple[RankedItem, ...]:
        """Return what was chosen, with the reasons."""
        return chosen.told(explain_bundle(self.features, chosen.items, self.ids))

    def _ranked(self, wanted: int, *, pinned: bool) -> list[Neighbour]:
        try:
            found = self.models.infer("bundle", {"given": ("BYTES", list(self.ids)), "k": ("INT32", wanted)}, OUTPUTS[:2])
            ranked = list(read_ranked(found.outputs))
        except AWAY as error:
            if error.what not in self.notes:
                self.notes.append(error.what)
            self.source, self.version = "precomputed", None
            return self._complements(pinned=pinned)
        self.version = found.model_version
        return ranked

    def _complements(self, *, pinned: bool) -> list[Neighbour]:
        """Return the precomputed complements of all given items, scores added up.

        Raises ``ModelUnavailable`` for none, unless a rule has items for the answer.
        """
        scores: dict[str, float] = {}
        for found in self.features.neighbours("complement", self.ids).values():
            for neighbour in found.found:
                scores[neighbour.item_id] = scores.get(neighbour.item_id, 0.0) + neighbour.score
        ranked = sorted((item for item in scores if item not in self.ids), key=lambda item: (-scores[item], item))
        if not ranked and pinned:
            self.source = "rules"
        elif not ranked:
            raise ModelUnavailable("the bundle model is away and none of the items has complements", "start the models: goeswith up")
        return [Neighbour(item, scores[item] / len(self.ids), "behaviour", "goes with the given items") for item in ranked]


def make_bundle(asked: Completing, size: int, budget: float | None, versions: ToVersions) -> Answer:
    """Return the seed's bundle, the seed itself left out of the items; each one is what completes those before it best."""
    seed, chosen, left_out = asked.given[0], list[RankedItem](), dict[str, str]()
    left = None if budget is None else budget - (seed.price or 0.0)
    if left is not None and seed.price is None:
        asked.notes.append(f"nobody knows what {seed.item_id} costs: the budget is the others'")
    while len(chosen) < size - 1:
        step = replace(asked, given=(seed, *chosen), filters=_within(asked.filters, left))
        found = _next(step, seed, len(chosen), left_out)
        asked.source, asked.version = step.source, step.version
        if not found:
            asked.notes.append(f"nothing of another kind completes these {len(chosen) + 1} items" + ("" if left is None else f" for {left:.2f}"))
            break
        chosen += found
        left = None if left is None else left - (found[0].price or 0.0)
    notes = (*asked.notes, *say_left_out(left_out))
    return Answer(query=asked.ids, type="made_bundle", items=tuple(chosen), source=asked.source, versions=versions(asked.version), notes=notes)


def _next(step: Completing, seed: Item, first: int, left_out: dict[str, str]) -> tuple[RankedItem, ...]:
    """Return the next item of a bundle around a seed, if any; ``left_out`` gets what rules kept from its place."""
    ruling = step.rules.about(step.given, "bundle", pinned=[seed])
    choosing = replace(step.choosing(1, ruling), must=lambda item: _is_new_kind(item, step.given), first=first)
    chosen = step.complete(choosing, checks.widened(CHOSEN_AMONG))
    left_out |= chosen.left_out
    return step.explain(chosen)


def _within(filters: Filters, left: float | None) -> Filters:
    """Return the filters with what is left of the budget as the highest price; a bundle holds no two variants."""
    prices = [price for price in (filters.max_price, left) if price is not None]
    return filters.model_copy(update={"no_variants": True, "max_price": max(0.0, min(prices)) if prices else None})


def _is_new_kind(item: Item, given: Sequence[Item]) -> bool:
    return not item.category or all(item.category[-1:] != other.category[-1:] for other in given)
