"""The client for programs that run an event loop: the same questions, awaited.

Feast's stores and the fallback chain block, so each question runs in one of a few threads; gRPC and SQLite release the interpreter while they wait.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from goeswith_client.answers import Answer, Explanation, Health, Item, Scores, Type
from goeswith_client.client import Client
from goeswith_client.config import ClientConfig
from goeswith_client.features import Features
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_THREADS
from goeswith_client.many import Result
from goeswith_client.ranking import Preference
from goeswith_client.rerank import Reranker
from goeswith_client.triton import Models

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """``Client`` with methods to await; each raises what the one of the same name does. Make one, keep it, close it.

    A question whose task is cancelled is not waited for; it ends by its own deadline.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        features: Features | None = None,
        models: Models | None = None,
        reranker: Reranker | None = None,
        threads: int = MAX_THREADS,
    ) -> None:
        self._client = Client(config, features=features, models=models, reranker=reranker)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="goeswith")

    async def __aenter__(self) -> Self:
        """Return the client; leaving the block closes it."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """Wait for the questions that are under way, and close the channel to Triton."""
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)
        self._client.close()

    async def item(self, item_id: str) -> Item:
        """Return what the shop says of an item."""
        return await self._run(self._client.item, item_id)

    async def substitutes(self, item_id: str, k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = "") -> Answer:
        """Return what can be bought instead of an item."""
        return await self._run(self._client.substitutes, item_id, k, filters, ranking, unit)

    async def complements(self, item_id: str, k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = "") -> Answer:
        """Return what goes with an item."""
        return await self._run(self._client.complements, item_id, k, filters, ranking, unit)

    async def substitutes_of_each(
        self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = ""
    ) -> tuple[Result, ...]:
        """Return for each item what can be bought instead of it, or why nothing is said."""
        return await self._run(self._client.substitutes_of_each, item_ids, k, filters, ranking, unit)

    async def complements_of_each(
        self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = ""
    ) -> tuple[Result, ...]:
        """Return for each item what goes with it, or why nothing is said."""
        return await self._run(self._client.complements_of_each, item_ids, k, filters, ranking, unit)

    async def score(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """Return what the model gives ordered pairs in both relations."""
        return await self._run(self._client.score, pairs)

    async def bundle(
        self, item_ids: Sequence[str], k: int = 10, filters: Filters | None = None, ranking: Preference = None, unit: str = ""
    ) -> Answer:
        """Return what completes a bundle of given items."""
        return await self._run(self._client.bundle, item_ids, k, filters, ranking, unit)

    async def make_bundle(self, item_id: str, size: int = 4, budget: float | None = None, filters: Filters | None = None) -> Answer:
        """Return a bundle of ``size`` items with the given one in it."""
        return await self._run(self._client.make_bundle, item_id, size, budget, filters)

    async def new_item(
        self,
        *,
        title: str = "",
        description: str = "",
        brand: str = "",
        category: str = "",
        image: bytes | Path | None = None,
        type: Type = "substitute",
        k: int = 10,
    ) -> Answer:
        """Return what replaces, or goes with, an item that the shop does not have yet."""
        asked = partial(self._client.new_item, title=title, description=description, brand=brand, category=category, image=image, type=type, k=k)
        return await self._run(asked)

    async def explain(self, a: str, b: str) -> Explanation:
        """Return why two items are related, or that nothing says so."""
        return await self._run(self._client.explain, a, b)

    async def health(self) -> Health:
        """Return what answers now; never raises."""
        return await self._run(self._client.health)

    async def _run(self, call: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **named))
