"""``goeswith bench features`` on a small catalogue: every reader reads the same items, and what is brought online is all that there is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.features.reads import FEAST, MGET, ON_SQLITE, OURS, SIZES, readers
from goeswith.profile import Profile
from tests.debian import require

pytestmark = pytest.mark.timeout(400)
ITEMS = 1_000


@pytest.fixture(scope="module", autouse=True)
def _redis() -> None:
    require("redis-server", "redis-server")


def test_all_readers_read_the_same(profile: Profile) -> None:
    with readers(profile, ITEMS) as found:
        ids = list(found.ids[:7])
        assert found.by[OURS](ids) == found.by[ON_SQLITE](ids)
        titles = [item.title for item in found.by[OURS](ids).values()]  # type: ignore[attr-defined]
        assert titles == [json.loads(card)["title"] for card in found.by[FEAST](ids)["card"]]  # type: ignore[index]
        assert titles == [json.loads(card)["title"] for card in found.by[MGET](ids)]  # type: ignore[attr-defined]


def test_every_slice_gives_its_figures(tmp_path: Path) -> None:
    sizes = ["--items", str(ITEMS), "--filled", "400", "--refreshed", "300", "--repeats", "1", "--seconds", "0.1", "--json"]
    command = [sys.executable, "-m", "goeswith", "bench", "features", *sizes]
    done = subprocess.run(command, env={**os.environ, "GOESWITH_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {(row["slice"], row["model"], row["metric"]): row["value"] for row in map(json.loads, done.stdout.splitlines())}
    assert {(part, model) for part, model, _ in rows if part.startswith("rows")} == {
        (f"rows-{size}", reader) for size in SIZES for reader in (OURS, ON_SQLITE, FEAST, MGET)
    }
    assert not any(value for (_, _, metric), value in rows.items() if metric == "errors")
    assert rows["refresh-300", OURS, "rows"] == 600  # as items and as cards
    assert rows["fill-400", OURS, "rows"] == 2 * 400 + 2 * 200  # and the two lists of every second one
    assert all(rows[part, OURS, "per_second"] > 0 for part in ("refresh-300", "fill-400"))
