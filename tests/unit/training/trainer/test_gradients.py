"""Negatives span a whole step: over its batches, and over the processes that share them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.multiprocessing.spawn import start_processes

from goeswith.errors import ConfigError
from goeswith.ports import free_ports
from tests.unit.training.trainer.contrast import POINTS, Views, weights
from tests.unit.training.trainer.test_loop import Line, without_clock
from training.trainer.gradients import still_statistics
from training.trainer.loop import TrainerConfig, fit
from training.trainer.ranks import Ranks, join_ranks
from training.trainer.task import Tensors

CONFIG = TrainerConfig(epochs=3, lr=0.05, device="cpu", checkpoint_every=2, clip_norm=100.0)


def train_share(rank: int, port: int, count: int, size: int, folder: str) -> None:
    """What each process of a test runs: it is found by its name, so it stands here."""
    import os

    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    with join_ranks() as ranks:
        task = Views(size)
        curve = fit(task, replace(CONFIG, accumulate=POINTS // size), Path(folder), ranks=ranks)
    torch.save({"weights": weights(task), "curve": without_clock(curve), "loaded": task.loaded}, Path(folder) / f"rank-{rank}.pt")


@pytest.mark.parametrize("size", [12, 6, 4])
def test_a_step_of_many_batches_learns_what_one_large_batch_does(tmp_path: Path, size: int) -> None:
    whole, cut = Views(POINTS), Views(size)
    one = fit(whole, CONFIG, tmp_path / "whole")
    many = fit(cut, replace(CONFIG, accumulate=POINTS // size), tmp_path / "cut")
    assert torch.allclose(weights(cut), weights(whole), atol=1e-5)
    assert [row["views_loss"] for row in many] == pytest.approx([row["views_loss"] for row in one], abs=1e-5)
    assert many[-1]["items"] == one[-1]["items"] == 3 * POINTS


def test_averaging_the_batches_losses_would_be_another_loss(tmp_path: Path) -> None:
    """What the test above would miss if negatives ended at a batch."""
    whole, small = Views(POINTS), Views(6)
    batch = torch.arange(POINTS)
    with torch.no_grad():
        spanning = whole.losses(batch)["views_loss"]
        apart = torch.stack([small.losses(part)["views_loss"] for part in torch.split(batch, 6)]).mean()
    assert apart < spanning - 0.5


def test_two_processes_learn_what_one_does_and_load_half_of_the_batches_each(tmp_path: Path) -> None:
    alone = Views(6)
    curve = fit(alone, replace(CONFIG, accumulate=4), tmp_path / "alone")
    start_processes(train_share, args=(free_ports(1)[0], 2, 6, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    first, second = (torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.equal(first["weights"], second["weights"])
    assert torch.allclose(first["weights"], weights(alone), atol=1e-5)
    for row, own in zip(first["curve"], without_clock(curve), strict=True):
        assert row == pytest.approx(own, abs=1e-5)
    batches = [list(range(start, start + 6)) for start in range(0, POINTS, 6)]
    assert [found["loaded"][:2] for found in (first, second)] == [batches[:2], batches[2:]]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_dropout_falls_alike_in_both_passes_and_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, accumulate=2, epochs=2)
    whole, cut = Views(6, dropout=0.3), Views(6, dropout=0.3)
    fit(whole, config, tmp_path / "whole")
    original, calls = cut.compare, [0]

    def compare(vectors: Tensors, described: Tensors) -> Tensors:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt
        return original(vectors, described)

    monkeypatch.setattr(cut, "compare", compare)  # dies in its second epoch
    with pytest.raises(KeyboardInterrupt):
        fit(cut, config, tmp_path / "cut")
    resumed = Views(6, dropout=0.3)
    fit(resumed, config, tmp_path / "cut")
    assert torch.equal(weights(resumed), weights(whole))


def test_the_first_pass_leaves_running_statistics_alone() -> None:
    task = Views(POINTS, norm=True)
    before = task.model.layers[1].state_dict()["running_mean"].clone()
    with still_statistics(task.model):
        task.encode(torch.arange(POINTS))
    assert torch.equal(task.model.layers[1].state_dict()["running_mean"], before)
    task.encode(torch.arange(POINTS))
    assert not torch.equal(task.model.layers[1].state_dict()["running_mean"], before)


@pytest.mark.parametrize(("accumulate", "size", "told"), [(3, 4, "multiple of 2"), (8, 6, "at most the batches")])
def test_steps_that_processes_cannot_share_are_refused(tmp_path: Path, accumulate: int, size: int, told: str) -> None:
    with pytest.raises(ConfigError, match=r"shared equally by 2") as raised:
        fit(Views(size), replace(CONFIG, accumulate=accumulate), tmp_path, ranks=Ranks(0, 2))
    assert told in raised.value.remedy


def test_a_task_that_compares_nothing_trains_in_one_process(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Line trains in one process"):
        fit(Line(), CONFIG, tmp_path, ranks=Ranks(0, 2))
