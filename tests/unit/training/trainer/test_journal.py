"""A training's figures stand in TensorBoard's files, and in MLflow where it is configured; a server that is away stops nothing."""

import sys
import time
from pathlib import Path

import mlflow
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from goeswith.errors import EnvironmentMissing
from tests.unit.training.trainer.test_loop import CONFIG, Line
from training.trainer.journal import URI, open_journals
from training.trainer.loop import fit


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URI, raising=False)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of MLflow's own store in a folder."""
    address = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv(URI, address)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return address


def read_events(folder: Path, name: str) -> list[tuple[int, float]]:
    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    return [(event.step, event.value) for event in found.Scalars(name)]


def test_every_epoch_stands_in_tensorboards_files(tmp_path: Path) -> None:
    curve = fit(Line(), CONFIG, tmp_path)
    assert dict(read_events(tmp_path, "line_loss")) == pytest.approx({int(row["step"]): row["line_loss"] for row in curve})
    assert len(read_events(tmp_path, "waited_share")) == 3


def test_a_run_that_goes_on_takes_the_place_of_what_it_had_written_later(tmp_path: Path) -> None:
    for step, until in ((0, 4), (2, 3)):
        time.sleep(1.1 if step else 0)  # TensorBoard reads files in the order of the seconds in their names
        with open_journals(tmp_path, step, "line", "a run", {}) as journals:
            for at in range(step + 1, until + 1):
                journals[0].write(at, {"loss": 10.0 * step + at})
    assert read_events(tmp_path, "loss") == [(1, 1.0), (2, 2.0), (3, 23.0)]


def test_mlflow_gets_the_figures_and_the_settings_once_for_a_run_that_was_killed(tmp_path: Path, store: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(Line(die_at=12), CONFIG, tmp_path / "line", what="a line")
    curve = fit(Line(), CONFIG, tmp_path / "line", what="a line")
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name("a line")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["lr"] == "0.05"
    history = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "line_loss")}
    assert history == {int(row["step"]): pytest.approx(row["line_loss"]) for row in curve}


def test_a_server_that_is_away_is_told_once_and_the_training_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(URI, "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert len(fit(Line(), CONFIG, tmp_path)) == 3
    assert sum(record.getMessage().startswith("MLflow cannot be written to") for record in caplog.records) == 1


def test_without_the_package_the_variable_is_an_error_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(EnvironmentMissing, match=URI) as raised, open_journals(tmp_path, 0, "line", "a run", {}):
        pass
    assert "goeswith[mlflow]" in raised.value.remedy
