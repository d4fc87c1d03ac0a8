"""What replaces, or goes with, an item that the shop does not have yet: asked of the model alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goeswith_client.answers import Item, RankedItem, Type
from goeswith_client.chain import OUTPUTS, read_ranked
from goeswith_client.checks import widened
from goeswith_client.choosing import RERANKED, Choosing, Chosen, widen
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_K
from goeswith_client.reasons import explain_new
from goeswith_client.rerank import Reranker
from goeswith_client.rulebook import Rulebook
from goeswith_client.rules import SEPARATOR
from goeswith_client.triton import Models


@dataclass(slots=True)
class Introducing:
    """One question about a new item, given by its ``texts`` and picture; rules see its category, and pins hold for that."""

    features: Features
    models: Models
    texts: Mapping[str, str]
    picture: bytes
    kind: Type
    k: int
    reranker: Reranker | None
    rules: Rulebook
    version: str = ""
    similar: tuple[str, ...] = ()

    @property
    def item(self) -> Item:
        """The new item, as rules and re-rankers see it."""
        path = tuple(name for name in self.texts["category"].split(SEPARATOR) if name)
        return Item(item_id="", title=self.texts["title"] or None, brand=self.texts["brand"] or None, category=path)

    def choose(self) -> Chosen:
        """Return the best ``k``. Raises ``ModelUnavailable``, ``DeadlineExceeded``, ``ModelRefused``."""
        given = [self.item]
        ruling = self.rules.about(given, self.kind)
        choosing = Choosing(self.features, given, self.k, Filters(), ruling, self.reranker)
        first = min(MAX_K, RERANKED * self.k) if self.reranker else widened(self.k) if ruling.keeps_out else self.k
        return widen(self._ask, choosing.choose, self.k, first)

    def explain(self, chosen: Chosen) -> tuple[RankedItem, ...]:
        """Return what was chosen, with the reasons."""
        return chosen.told(explain_new(self.features, chosen.items, self.similar, self.kind))

    def _ask(self, wanted: int) -> list[Neighbour]:
        inputs: dict[str, tuple[str, Any]] = {name: ("BYTES", text) for name, text in self.texts.items()}
        inputs |= {"image": ("BYTES", self.picture), "type": ("BYTES", self.kind), "k": ("INT32", wanted)}
        found = self.models.infer("new_item", inputs, (*OUTPUTS, "similar"))
        self.version = found.model_version
        self.similar = tuple(item_id for item_id in found.outputs["similar"] if item_id)
        return list(read_ranked(found.outputs))
