"""The first question waits for nothing that could have been done before it, even where the gateway started before the first release."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from goeswith_client import Client, ClientConfig
from goeswith_client.feast_features import FeastFeatures
from goeswith_client.online_reads import OnlineReads
from goeswith_client.online_store import Keys, Row
from serving.gateway import warm

RELEASED = '{"release": "r1", "released_at": "2026-01-01T00:00:00+00:00"}'


class Noted(OnlineReads):
    """An online store without rows that says when it was read first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.was_read = Event()

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        assert view == "item_cards"
        self.was_read.set()
        return [dict.fromkeys(features) for _ in keys]


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Noted:
    monkeypatch.setattr(warm, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(FeastFeatures, "import_feast", lambda _: None)
    return Noted(tmp_path)


def warm_up(folder: Path, reads: Noted) -> None:
    with Client(ClientConfig(features=folder), features=FeastFeatures(folder, reads)) as client:
        warm.warm_up(client)


def test_a_store_that_is_there_was_read_when_the_gateway_starts(tmp_path: Path, reads: Noted) -> None:
    (tmp_path / "online.json").write_text(RELEASED)
    warm_up(tmp_path, reads)
    assert reads.was_read.is_set()


def test_a_store_that_comes_later_is_read_before_anybody_asks(tmp_path: Path, reads: Noted) -> None:
    warm_up(tmp_path, reads)
    assert not reads.was_read.is_set()
    (tmp_path / "online.json").write_text(RELEASED)
    assert reads.was_read.wait(5)


def test_feast_is_imported_where_nothing_was_released_yet() -> None:
    code = """
import sys; from pathlib import Path; from goeswith_client import Client, ClientConfig; from serving.gateway.warm import warm_up
with Client(ClientConfig(features=Path('nowhere'))) as client:
    warm_up(client)
assert 'feast.infra.provider' in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
