"""Callers that wait for the store at the same time are read for together; each gets its own rows, or the error that all of them met."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from goeswith_client.last_rows import LastRows
from goeswith_client.online_reads import OnlineReads
from goeswith_client.online_store import Keys, Row

WAIT_S = 10


class Slow:
    """A store that is busy with its first reading until it is told to go on, and says what it was asked for."""

    def __init__(self) -> None:
        self.begun, self.go_on = Event(), Event()
        self.asked: list[tuple[str, Keys]] = []

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        self.asked.append((view, keys))
        self.begun.set()
        assert self.go_on.wait(WAIT_S)
        if ("bad",) in keys:
            raise ConnectionResetError("gone")
        return [dict.fromkeys(features, f"{view} {key[0]}") for key in keys]

    def write(self, *_: object) -> None:
        raise AssertionError("readers write nothing")


class Failing:
    """A store that fails when told so; what it holds changes with every reading."""

    def __init__(self) -> None:
        self.fails, self.asked, self.answered = False, 0, 0

    def read(self, _view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        self.asked += 1
        if self.fails:
            raise ConnectionResetError("gone")
        self.answered += 1
        return [dict.fromkeys(features, f"{key[0]}{self.answered}") for key in keys]

    def write(self, *_: object) -> None:
        raise AssertionError("readers write nothing")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def reads(slow: Slow, tmp_path_factory: pytest.TempPathFactory) -> OnlineReads:
    return OnlineReads(tmp_path_factory.mktemp("features"), lambda _: slow)


def wait_for(reads: OnlineReads, callers: int) -> None:
    while len(reads._waiting) < callers:
        Event().wait(0.001)


def test_who_waits_is_read_for_together_and_gets_its_own_rows_in_its_own_order(reads: OnlineReads, slow: Slow) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(reads.read, "items", ["card"], [("a",)])
        assert slow.begun.wait(WAIT_S)
        later = [pool.submit(reads.read, "items", ["card"], keys) for keys in ([("b",), ("a",)], [("c",), ("b",), ("b",)])]
        other = pool.submit(reads.read, "lists", ["found"], [("a",)])
        wait_for(reads, 3)
        slow.go_on.set()
        assert first.result(WAIT_S) == [{"card": "items a"}]
        assert [row["card"] for row in later[0].result(WAIT_S)] == ["items b", "items a"]
        assert [row["card"] for row in later[1].result(WAIT_S)] == ["items c", "items b", "items b"]
        assert other.result(WAIT_S) == [{"found": "lists a"}]
    assert [view for view, _ in slow.asked] == ["items", "items", "lists"]
    assert sorted(slow.asked[1][1]) == [("a",), ("b",), ("c",)]


def test_an_error_reaches_all_who_were_read_for_and_nobody_after_them(reads: OnlineReads, slow: Slow) -> None:
    slow.go_on.set()
    with pytest.raises(ConnectionResetError):
        reads.read("items", ["card"], [("bad",)])
    assert reads.read("items", ["card"], [("good",)]) == [{"card": "items good"}]


def test_a_connection_that_broke_since_is_opened_anew_and_one_that_cannot_be_is_an_error(slow: Slow, tmp_path: Path) -> None:
    slow.go_on.set()
    opened: list[Slow] = []

    def open_store(_: Path) -> Slow:
        opened.append(slow if not opened else Slow())
        opened[-1].go_on.set()
        return opened[-1]

    reads = OnlineReads(tmp_path, open_store)
    assert reads.read("items", ["card"], [("a",)])
    with pytest.raises(ConnectionResetError):
        reads.read("items", ["card"], [("bad",)])
    assert [len(store.asked) for store in opened] == [2, 1]
    assert reads.read("items", ["card"], [("a",)])
    assert len(opened) == 3


def test_while_the_store_fails_what_was_read_before_is_returned_and_it_is_asked_once_a_while(tmp_path: Path) -> None:
    store, now = Failing(), [0.0]
    reads = OnlineReads(tmp_path, lambda _: store, last_good_s=60, clock=lambda: now[0])
    assert reads.read("items", ["card"], [("a",), ("b",)]) == [{"card": "a1"}, {"card": "b1"}]
    store.fails = True
    assert [reads.read("items", ["card"], [("b",)]) for _ in range(10)] == [[{"card": "b1"}]] * 10
    assert reads.away
    with pytest.raises(ConnectionResetError):
        reads.read("items", ["card"], [("a",), ("never asked for",)])
    asked = store.asked
    now[0] += 2
    assert reads.read("items", ["card"], [("a",)]) == [{"card": "a1"}]
    assert store.asked == asked + 1
    store.fails = False
    now[0] += 2
    assert reads.read("items", ["card"], [("a",)]) == [{"card": "a2"}]
    assert not reads.away


def test_what_was_read_too_long_ago_is_not_returned_again(tmp_path: Path) -> None:
    store, now = Failing(), [0.0]
    reads = OnlineReads(tmp_path, lambda _: store, last_good_s=60, clock=lambda: now[0])
    reads.read("items", ["card"], [("a",)])
    store.fails, now[0] = True, 61
    with pytest.raises(ConnectionResetError):
        reads.read("items", ["card"], [("a",)])


def test_only_the_rows_that_were_read_last_are_kept() -> None:
    rows = LastRows(60, kept=2)
    for key in ("a", "b", "a", "c"):
        rows.keep("items", ("card",), {(key,): {"card": key}})
    assert rows.find("items", ("card",), [("c",), ("a",)]) == [{"card": "c"}, {"card": "a"}]
    assert rows.find("items", ("card",), [("b",)]) is None
    assert rows.find("items", ("price",), [("a",)]) is None


def test_sixteen_callers_at_once_all_get_what_they_asked_for(reads: OnlineReads, slow: Slow) -> None:
    slow.go_on.set()
    start = Barrier(16)

    def ask(caller: int) -> bool:
        start.wait(WAIT_S)
        wanted = [[(f"{caller}-{turn}",), ("all",)] for turn in range(50)]
        return all(reads.read("items", ["card"], keys) == [{"card": f"items {key[0]}"} for key in keys] for keys in wanted)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(16)))
