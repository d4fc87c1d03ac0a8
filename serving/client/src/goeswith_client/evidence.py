"""Why two items are related: edges, verdicts, places among the neighbours, and shared modalities."""

from collections.abc import Iterator, Sequence

from goeswith_client.answers import TYPES, Evidence, Explanation, Item, Listed, Versions
from goeswith_client.features import Features

_COUNTED = {
    "co_purchase": "bought together",
    "co_view": "viewed together",
    "then_bought": "bought one after the other",
    "also_bought": "declared as also bought",
    "also_viewed": "declared as also viewed",
    "bought_together": "declared as bought together",
}


def explain(features: Features, a: Item, b: Item, versions: Versions) -> Explanation:
    """Return all that the features hold about the pair, in both directions."""
    edges = tuple(features.edges([(a.item_id, b.item_id), (b.item_id, a.item_id)]))
    listed = (*_listed(features, a.item_id, b.item_id), *_listed(features, b.item_id, a.item_id))
    modalities = _shared_modalities(a, b)
    reasons = tuple(dict.fromkeys([*_of_edges(edges), *_of_lists(listed)])) or ("no edge and no list holds this pair",)
    tables = dict(features.state().tables)
    return Explanation(a=a, b=b, edges=edges, listed=listed, modalities=modalities, reasons=reasons, versions=versions, tables=tables)


def counted(edge: Evidence) -> str:
    """Return what was counted, in words."""
    times = (" once" if edge.n == 1 else f" {edge.n} times") if edge.n else ""
    lift = f", lift {edge.lift:.1f}" if edge.lift is not None else ""
    return _COUNTED.get(edge.relation, edge.relation) + times + lift


def _listed(features: Features, of: str, wanted: str) -> Iterator[Listed]:
    for kind in TYPES:
        found = features.neighbours(kind, [of]).get(of)
        for rank, neighbour in enumerate(found.found if found else (), 1):
            if neighbour.item_id == wanted:
                yield Listed(type=kind, of=of, rank=rank, score=neighbour.score, basis=neighbour.basis, reason=neighbour.reason)


def _shared_modalities(a: Item, b: Item) -> tuple[str, ...]:
    held = {"text": bool(a.title and b.title), "image": bool(a.image and b.image)}
    return tuple(name for name, both in held.items() if both)


def _of_edges(edges: Sequence[Evidence]) -> Iterator[str]:
    for edge in edges:
        moved = "; moved here from the other type" if edge.moved else ""
        yield f"{edge.src} -> {edge.dst}, {edge.type}: {counted(edge)}{_verdict_on(edge)}{moved}"


def _verdict_on(edge: Evidence) -> str:
    if not edge.judge:
        return ""
    return f"; {edge.judge} could not decide" if edge.p_type is None else f"; judged by {edge.judge}: {edge.type} with probability {edge.p_type:.2f}"


def _of_lists(listed: Sequence[Listed]) -> Iterator[str]:
    for found in listed:
        yield f"place {found.rank} among the {found.type}s of {found.of}: {found.reason}"
