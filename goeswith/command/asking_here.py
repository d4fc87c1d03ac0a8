"""The client in this process: what ``--local`` asks."""

import atexit
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from goeswith.command.asker import Json, translate
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith_client import ClientError, Filters, UnknownItem
from serving.gateway.bodies import BundleWish, NewItem
from serving.gateway.problems import problem_of
from serving.gateway.serve import build_client
from serving.nearest import NearestIds, released_ids


class Here:
    """A client of its own, with the gateway's checks and messages."""

    def __init__(self, profile: Profile) -> None:
        self._client = build_client(profile)
        atexit.register(self._client.close)  # a channel that is left to the interpreter's end complains on the terminal
        self._nearest = NearestIds(lambda: released_ids(profile))

    def related(self, kind: str, item_id: str, k: int, filters: Mapping[str, Any]) -> Json:
        """Return 'substitutes' or 'complements' of an item."""
        ask = {"substitutes": self._client.substitutes, "complements": self._client.complements}[kind]
        return self._ask(lambda: ask(item_id, k, Filters(**filters)))

    def bundle(self, items: list[str], k: int, filters: Mapping[str, Any]) -> Json:
        """Return what completes a bundle."""
        return self._ask(lambda: self._client.bundle(items, k, Filters(**filters)))

    def make_bundle(self, wish: Mapping[str, Any]) -> Json:
        """Return a bundle around an item."""

        def ask() -> BaseModel:
            body = BundleWish.model_validate(wish)
            return self._client.make_bundle(body.item, body.size, body.budget, body.filters)

        return self._ask(ask)

    def new(self, item: Mapping[str, Any]) -> Json:
        """Return answers for a new item."""

        def ask() -> BaseModel:
            body = NewItem.model_validate(item)
            texts = body.model_dump(include={"title", "description", "brand", "category", "type", "k"})
            return self._client.new_item(**texts, image=body.picture())

        return self._ask(ask)

    def score(self, item_id: str, others: Sequence[str]) -> Json:
        """Return what the model gives an item with each of the others."""
        return self._ask(lambda: self._client.score([(item_id, other) for other in others]))

    def explain(self, a: str, b: str) -> Json:
        """Return why two items are related."""
        return self._ask(lambda: self._client.explain(a, b))

    def _ask(self, question: Callable[[], BaseModel]) -> Json:
        try:
            return question().model_dump(mode="json")
        except ValidationError as error:
            raise ConfigError("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()), "see goeswith ask --help") from error
        except ClientError as error:
            problem = problem_of(error, self._nearest.find(error.item_id) if isinstance(error, UnknownItem) else ())
            raise translate(problem.error, problem.what, problem.remedy) from error
