"""A Triton that aborts while it starts is started again, a few times; any other failure is told at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goeswith.errors import ModelUnavailable
from goeswith.profile import TritonSettings
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


@pytest.mark.parametrize(("logs", "starts"), [([ABORT] * 9, 3), (["error: model 'x' has no file"] * 9, 1)])
def test_what_another_start_does_not_mend_is_told(launch: triton.Launch, monkeypatch: pytest.MonkeyPatch, logs: list[str], starts: int) -> None:
    used = let_starts_end_with(launch, monkeypatch, iter(logs))
    with pytest.raises(ModelUnavailable):
        triton.start_triton(launch, [])
    assert len(used) == starts
