"""What every way of asking has in common: the questions, JSON answers, errors of the tree."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from goeswith import errors
from goeswith.errors import GoeswithError

_ERRORS: dict[str, type[GoeswithError]] = {
    "UnknownItem": errors.UnknownItem,
    "InvalidRequest": errors.ConfigError,
    "ModelRefused": errors.ConfigError,
    "FreshnessError": errors.StaleFeature,
    "FeaturesUnavailable": errors.ModelUnavailable,
    "ModelUnavailable": errors.ModelUnavailable,
    "DeadlineExceeded": errors.DeadlineExceeded,
    "Unauthorized": errors.ConfigError,
    "Forbidden": errors.ConfigError,
}
"""The client's and the gateway's errors by name, and ours that say the same."""

Json = dict[str, Any]


class Asker(Protocol):
    """Answers the gateway's questions as JSON. Raises an error of the tree."""

    def related(self, kind: str, item_id: str, k: int, filters: Mapping[str, Any]) -> Json:
        """Return 'substitutes' or 'complements' of an item."""

    def bundle(self, items: list[str], k: int, filters: Mapping[str, Any]) -> Json:
        """Return what completes a bundle."""

    def make_bundle(self, wish: Mapping[str, Any]) -> Json:
        """Return a bundle around an item; ``wish`` is the body of POST /ask/make-bundle."""

    def new(self, item: Mapping[str, Any]) -> Json:
        """Return answers for a new item; ``item`` is the body of POST /ask/new."""

    def score(self, item_id: str, others: Sequence[str]) -> Json:
        """Return what the model gives an item with each of the others."""

    def explain(self, a: str, b: str) -> Json:
        """Return why two items are related."""


def translate(name: str, what: str, remedy: str) -> GoeswithError:
    """Return our error for one of the client's, by its class name."""
    return _ERRORS.get(name, GoeswithError)(what, remedy)
