"""Whatever an online store fails with, callers meet an error of the client."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from goeswith_client import FeaturesUnavailable
from goeswith_client.feast_features import FeastFeatures
from goeswith_client.online_reads import OnlineReads
from goeswith_client.online_store import Keys, Row


class Away(OnlineReads):
    """A store whose server is gone: each kind of store has its own errors for that."""

    opened = True

    def read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        raise ConnectionResetError(f"store://user:secret@host went away with {view}, {features}, {keys}")


def test_a_store_that_fails_is_features_that_are_unavailable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    features = FeastFeatures(tmp_path, Away(tmp_path))
    with pytest.raises(FeaturesUnavailable, match="the online store failed: ConnectionResetError\n"):
        features.items(["i0"])
    assert "store://user:secret@host went away" in caplog.text


def test_without_a_release_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FeaturesUnavailable, match="goeswith run publish"):
        FeastFeatures(tmp_path).items(["i0"])
