"""Close ids are a courtesy: one search at a time, and none where the lake cannot be read."""

from collections.abc import Sequence
from threading import Event, Thread

import pytest

from goeswith.errors import TableDamaged
from goeswith.profile import Profile
from serving import nearest
from serving.nearest import NearestIds, released_ids


def test_while_one_search_runs_others_go_without_and_do_not_wait() -> None:
    begun, go_on = Event(), Event()

    def list_ids() -> Sequence[str]:
        begun.set()
        go_on.wait(10)
        return ["i1", "i2"]

    found: list[tuple[str, ...]] = []
    ids = NearestIds(list_ids)
    search = Thread(target=lambda: found.append(ids.find("i11")))
    search.start()
    begun.wait(10)
    assert ids.find("i11") == ()
    go_on.set()
    search.join()
    assert found == [ids.find("i11")] == [("i1",)]


def test_without_a_readable_lake_there_are_none(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert released_ids(profile) == []

    def damaged(_: Profile) -> None:
        raise TableDamaged("items: a file is gone")

    monkeypatch.setattr(nearest, "read_release", damaged)
    assert released_ids(profile) == []
