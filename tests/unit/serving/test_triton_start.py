"""A Triton that aborts while it starts is started again, a few times; any other failure is told at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goeswith.errors import ModelUnavailable
from goeswith.settings import TritonSettings
from serving.runtime import processes, triton

ABORT = "terminate called after throwing an instance of 'boost::interprocess::lock_exception'"
RUNNING = processes.ServerState(pid=1, started="now", ports={}, log="")


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> triton.Launch:
    monkeypatch.setattr(triton, "load_environment", lambda: None)
    monkeypatch.setattr(processes, "check_ports", lambda *_: None)
    return triton.Launch(settings=TritonSettings(), repository=tmp_path, folder=tmp_path)


def let_starts_end_with(launch: triton.Launch, monkeypatch: pytest.MonkeyPatch, logs: Iterator[str | None]) -> list[str | None]:
    """Let each start end with the next log, or come up where it is None; return those that were used."""
    used: list[str | None] = []

    def start(*_: object) -> processes.ServerState:
        used.append(next(logs))
        if used[-1] is None:
            return RUNNING
        launch.log.write_text(used[-1], encoding="utf-8")
        raise ModelUnavailable("Triton did not start", "read its log")

    monkeypatch.setattr(triton, "_start", start)
    return used


def test_an_abort_is_got_around(launch: triton.Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    used = let_starts_end_with(launch, monkeypatch, iter([ABORT, ABORT, None]))
    assert triton.start_triton(launch, []) is RUNNING
    assert len(used) == 3
    assert [record.getMessage() for record in caplog.records] == ["Triton did not start; starting it again"] * 2


def test_a_server_that_waits_for_a_model_for_ever_is_started_again(launch: triton.Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = iter([triton.NotReady("Triton was not ready after 120 s, relations is missing", "read its log"), None])

    def start(*_: object) -> processes.ServerState:
        error = next(starts)
        if error is not None:
            raise error
        return RUNNING

    monkeypatch.setattr(triton, "_start", start)
    assert triton.start_triton(launch, []) is RUNNING


def test_the_error_that_is_told_is_not_the_one_that_any_server_without_a_gpu_logs(launch: triton.Launch) -> None:
    launch.log.write_text('E1122 server.cc:9] "no such backend"\nE1122 server.cc:241] "CudaDriverHelper has not been initialized."\nI1122 end\n')
    assert "no such backend" in triton._last_error(launch.log)


@pytest.mark.parametrize(("logs", "starts"), [([ABORT] * 9, 3), (["error: model 'x' has no file"] * 9, 1)])
def test_what_another_start_does_not_mend_is_told(launch: triton.Launch, monkeypatch: pytest.MonkeyPatch, logs: list[str], starts: int) -> None:
    used = let_starts_end_with(launch, monkeypatch, iter(logs))
    with pytest.raises(ModelUnavailable):
        triton.start_triton(launch, [])
    assert len(used) == starts
