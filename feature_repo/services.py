"""One feature service a model: what it was trained on, or what serving reads."""

from collections.abc import Callable, Iterable

from feast import FeatureService, FeatureView

from feature_repo.slices import ItemCards, Slice

_SERVICES: tuple[tuple[str, str, Callable[[Slice], bool]], ...] = (
    (
        "cirp_v1",
        "what CIRP is trained on",
        lambda part: part.name == "items" or (part.table.name == "relations" and part.where["type"] != "substitute"),
    ),
    (
        "mmsc_v1",
        "what MMSC is trained on, and the counts and verdicts behind it",
        lambda part: part.table.name not in ("item_embeddings", "item_neighbours") and not isinstance(part, ItemCards),
    ),
    ("serving", "what the client reads online", lambda part: part.online),
)


def build_services(views: Iterable[tuple[Slice, FeatureView]]) -> list[FeatureService]:
    """Return the feature services over the views of all slices."""
    pairs = list(views)
    return [FeatureService(name=name, features=[view for part, view in pairs if chosen(part)], description=doc) for name, doc, chosen in _SERVICES]
