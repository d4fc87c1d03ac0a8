"""The bench of trainings for real: both slices on a small shop, every row printed and kept."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.command.main import app


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_the_command_measures_both_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(app, ["bench", "cirp", "--items", "300", "--repeats", "1", "--json"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = {(row["slice"], row["model"], row["metric"]): row["value"] for row in rows}
    for part in ("frozen_text", "last_layer_learns"):
        for model in ("goeswith", "transformers"):
            for metric in ("items_per_s", "gflop_per_s", "mflop_per_item", "budget_seconds"):
                assert found[part, model, metric] > 0
        assert found[part, "transformers", "workers"] in (0, 1, 2)
        assert found[part, "shop", "items"] == found[part, "shop", "with_image"] == 300
        assert found[part, "goeswith", "items_per_s/transformers"] > 0
    assert (tmp_path / "home" / "results" / "bench-cirp.jsonl").is_file()
