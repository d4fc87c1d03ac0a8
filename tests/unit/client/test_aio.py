"""The client to await: it answers what the other answers, many at once, and does not hold up the loop."""

import asyncio
import inspect
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from goeswith_client import AsyncClient, Client, ClientConfig, Filters, UnknownItem
from tests.tiny_client import DictFeatures, FakeModels, rank_all


def make(features: DictFeatures | None = None, threads: int = 4) -> AsyncClient:
    return AsyncClient(ClientConfig(), features=features or DictFeatures(), models=FakeModels(rank_all()), threads=threads)


def test_every_question_of_the_client_can_be_awaited_with_the_same_arguments() -> None:
    ours = {name: method for name, method in inspect.getmembers(AsyncClient, inspect.iscoroutinefunction) if not name.startswith("_")}
    theirs = {name: method for name, method in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert set(ours) == set(theirs)
    for name, method in ours.items():
        assert inspect.signature(method).parameters.keys() == inspect.signature(theirs[name]).parameters.keys()


def test_answers_are_the_clients() -> None:
    async def ask() -> list[Any]:
        async with make() as client:
            return [
                await client.item("i0"),
                await client.substitutes("i0", 3, Filters(in_stock=True)),
                await client.complements("i0", 2),
                await client.bundle(["i0", "i1"], 2),
                await client.make_bundle("i0", 2),
                await client.new_item(title="x", k=2),
                await client.explain("i0", "i1"),
                (await client.health()).triton,
            ]

    awaited = asyncio.run(ask())
    client = Client(ClientConfig(), features=DictFeatures(), models=FakeModels(rank_all()))
    plain: list[Any] = [client.item("i0"), client.substitutes("i0", 3, Filters(in_stock=True)), client.complements("i0", 2)]
    plain += [client.bundle(["i0", "i1"], 2), client.make_bundle("i0", 2), client.new_item(title="x", k=2), client.explain("i0", "i1")]
    assert [getattr(answer, "items", answer) for answer in awaited[:6]] == [getattr(answer, "items", answer) for answer in plain[:6]]
    assert awaited[6].reasons == plain[6].reasons
    assert awaited[7] is True


def test_errors_come_to_whoever_awaits() -> None:
    async def ask() -> None:
        async with make() as client:
            await client.substitutes("nobody")

    with pytest.raises(UnknownItem, match="nobody"):
        asyncio.run(ask())


class Slow(DictFeatures):
    """Gives items once four ask at the same time, and remembers in which threads."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()
        self.all_here = threading.Barrier(4, timeout=10)

    def items(self, item_ids: Any) -> Mapping[str, Any]:
        self.threads.add(threading.current_thread().name)
        self.all_here.wait()
        return super().items(item_ids)


def test_questions_run_side_by_side_and_the_loop_goes_on_meanwhile() -> None:
    features = Slow()

    async def ask() -> None:
        async with make(features) as client:
            await asyncio.gather(*(client.item("i0") for _ in range(4)))

    asyncio.run(ask())
    assert len(features.threads) == 4
    assert all(name.startswith("goeswith") for name in features.threads)
