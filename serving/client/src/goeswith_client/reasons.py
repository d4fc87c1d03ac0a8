"""Why a model's answer is a good one: the edges that the features hold between it and items that the caller knows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from goeswith_client.answers import Evidence, RankedItem, Type
from goeswith_client.evidence import counted
from goeswith_client.features import Features

MAX_PAIRS = 200
"""Pairs that are looked up for one answer, the best places first: a few milliseconds."""
MAX_TOLD = 2
"""Known items that one reason names."""


@dataclass(frozen=True, slots=True)
class Known:
    """The edges of a type from known items to items of an answer, by (known item, item)."""

    edges: dict[tuple[str, str], Evidence]

    def told(self, item_id: str, anchors: Iterable[str]) -> list[tuple[str, str]]:
        """Return the anchors with the strongest edges to an item, and what was counted."""
        found = [(anchor, edge) for anchor in anchors if (edge := self.edges.get((anchor, item_id)))]
        return [(anchor, counted(edge)) for anchor, edge in sorted(found, key=lambda pair: -pair[1].weight)[:MAX_TOLD]]


def read_known(features: Features, kind: Type, item_ids: Sequence[str], anchors: Sequence[str]) -> Known:
    """Look up the edges from known items to the items of an answer."""
    pairs = [(anchor, item) for item in item_ids for anchor in anchors if anchor != item][:MAX_PAIRS]
    return Known({(edge.src, edge.dst): edge for edge in features.edges(pairs, (kind,))})


def explain_bundle(features: Features, items: Sequence[RankedItem], given: Sequence[str]) -> tuple[RankedItem, ...]:
    """Say with which of the given items each one is known to go, and how."""
    known = read_known(features, "complement", [item.item_id for item in items], given)
    told = ((item, [f"with {anchor}: {words}" for anchor, words in known.told(item.item_id, given)]) for item in items)
    return tuple(item.model_copy(update={"reason": f"goes {'; '.join(words)}"}) if words else item for item, words in told)


def explain_new(features: Features, items: Sequence[RankedItem], similar: Sequence[str], kind: Type) -> tuple[RankedItem, ...]:
    """Say to which known items, similar to the new one, each one is related, and how; or that it is one of them."""
    known = read_known(features, kind, [item.item_id for item in items], similar)
    return tuple(item.model_copy(update={"reason": _of_new(item, known, similar)}) for item in items)


def _of_new(item: RankedItem, known: Known, similar: Sequence[str]) -> str:
    if told := known.told(item.item_id, similar):
        return "; ".join(f"like {anchor}: {words}" for anchor, words in told)
    if item.item_id in similar:
        return "among the items most similar to it in text and picture"
    return f"{item.reason} ({', '.join(similar[:MAX_TOLD])})" if similar else item.reason
