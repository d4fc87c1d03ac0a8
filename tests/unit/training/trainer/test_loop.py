"""The trainer: golden loss, resume, stops, accumulation, best weights."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from goeswith import heartbeat
from goeswith.errors import ConfigError, LeaseLost, TrainingStopped
from goeswith.jobs import JobRun
from goeswith.leases import beat_file, held_lease, hold_lease
from goeswith.profile import Profile
from training.trainer.checkpoint import remove_checkpoints
from training.trainer.device import choose_device, move
from training.trainer.loop import TrainerConfig, fit, learning_rate
from training.trainer.task import Task

GOLDEN = [0.893312, 0.097290, 0.118761]
CONFIG = TrainerConfig(epochs=3, lr=0.05, device="cpu", warmup=2, schedule="cosine", checkpoint_every=3, weight_decay=0.01)


class Line(Task):
    """Fits y = 2x - 1 with dropout, so that both generators matter; can be cut off at a batch, or poisoned."""

    def __init__(self, size: int = 40, die_at: int | None = None, poison_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
        self.x_N1 = torch.linspace(-1, 1, size).unsqueeze(1)
        self.seen, self.die_at, self.poison_at = 0, die_at, poison_at
        self.scores: list[float] = []

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield shuffled batches of 8."""
        order = torch.randperm(len(self.x_N1), generator=generator)
        yield from torch.split(self.x_N1[order], 8)

    def steps_per_epoch(self) -> int:
        """Count them."""
        return math.ceil(len(self.x_N1) / 8)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the squared error, or what the test asked for."""
        self.seen += 1
        if self.seen == self.die_at:
            raise KeyboardInterrupt
        scale = math.nan if self.seen == self.poison_at else 1.0
        return {"line_loss": scale * (self.model(batch) - 2 * batch + 1).square().mean(), "shown": batch.mean()}

    def validate(self) -> dict[str, float]:
        """Return the next planned score."""
        return {"score": self.scores.pop(0)} if self.scores else {}

    def items_in(self, batch: Tensor) -> int:
        """Count points."""
        return len(batch)


class Ordered(Line):
    """The same, in order, without dropout, in batches of ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__(size=16)
        self.size = size
        self.model = nn.Sequential(*(m for m in self.model.children() if not isinstance(m, nn.Dropout)))

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield batches in order."""
        del generator
        yield from torch.split(self.x_N1, self.size)

    def steps_per_epoch(self) -> int:
        """Count them."""
        return 16 // self.size


def weights(task: Line) -> Tensor:
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])


def without_clock(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k not in {"seconds", "items_per_s", "waited_share"}} for row in curve]


def newest_step(folder: Path) -> int:
    return max(int(path.name) for path in (folder / "checkpoints").iterdir() if not path.name.startswith("."))


def test_the_golden_losses_of_the_line_are_reproduced(tmp_path: Path) -> None:
    curve = fit(Line(), CONFIG, tmp_path)
    assert [row["loss"] for row in curve] == pytest.approx(GOLDEN, abs=1e-5)
    assert curve[-1]["items"] == 120
    assert len((tmp_path / "curve.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("die_at", [2, 7, 8, 12, 15])
def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path, die_at: int) -> None:
    whole = Line()
    curve = fit(whole, CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(Line(die_at=die_at), CONFIG, tmp_path / "cut")
    resumed = Line()
    assert without_clock(fit(resumed, CONFIG, tmp_path / "cut")) == without_clock(curve)
    assert torch.equal(weights(resumed), weights(whole))


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, again = Line(), Line()
    fit(first, CONFIG, tmp_path)
    fit(again, CONFIG, tmp_path)
    assert again.seen == 0
    assert torch.equal(weights(first), weights(again))


def test_only_two_checkpoints_stand_and_removing_them_leaves_the_curve(tmp_path: Path) -> None:
    fit(Line(), CONFIG, tmp_path)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2
    remove_checkpoints(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"curve.jsonl", "tensorboard"}


def test_checkpoints_are_left_out_while_they_would_take_more_than_their_share(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("each", "seldom")]
    for folder, pause in zip(folders, (0.0, 1e9), strict=True):
        with pytest.raises(KeyboardInterrupt):
            fit(Line(die_at=12), replace(CONFIG, checkpoint_pause=pause), folder)
    assert [newest_step(folder) for folder in folders] == [9, 3], "every third step; the first alone"
    whole, resumed = Line(), Line()
    fit(whole, CONFIG, tmp_path / "whole")
    fit(resumed, replace(CONFIG, checkpoint_pause=1e9), folders[1])
    assert torch.equal(weights(resumed), weights(whole)), "which steps have one changes no result"


def test_a_loss_that_is_not_finite_stops_before_the_step(tmp_path: Path) -> None:
    task = Line(poison_at=1)
    before = weights(task)
    with pytest.raises(TrainingStopped, match=r"loss is nan at step 0"):
        fit(task, CONFIG, tmp_path)
    assert torch.equal(weights(task), before)


def test_a_gradient_that_is_not_finite_stops_before_the_step(tmp_path: Path) -> None:
    task = Line()
    task.model[0].weight.register_hook(lambda g: g * math.inf)  # type: ignore[index]  # nn.Module is not typed as the Sequential it is
    before = weights(task)
    with pytest.raises(TrainingStopped, match="gradient norm"):
        fit(task, CONFIG, tmp_path)
    assert torch.equal(weights(task), before)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    fit(Line(), CONFIG, tmp_path)
    with pytest.raises(TrainingStopped, match="another recipe"):
        fit(Line(), CONFIG, tmp_path, recipe={"width": 9})
    with pytest.raises(TrainingStopped, match="another recipe"):
        fit(Line(), replace(CONFIG, lr=0.1), tmp_path)


def test_a_checkpoint_that_was_cut_off_while_written_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / ".000000009.1").mkdir(parents=True)
    (tmp_path / "checkpoints" / "000000009").mkdir()
    assert len(fit(Line(), CONFIG, tmp_path)) == 3


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json"])
def test_a_checkpoint_that_was_cut_short_is_told_and_the_one_before_goes_on_to_the_same_bits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    whole, resumed = Line(), Line()
    fit(whole, CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(Line(die_at=12), CONFIG, tmp_path / "cut")
    newest = sorted((tmp_path / "cut" / "checkpoints").iterdir())[-1]
    (newest / name).write_bytes((newest / name).read_bytes()[:-20])
    fit(resumed, CONFIG, tmp_path / "cut")
    assert torch.equal(weights(resumed), weights(whole))
    assert any(f"{newest} is damaged" in record.getMessage() for record in caplog.records)


def test_accumulated_batches_weigh_as_one(tmp_path: Path) -> None:
    plain, halves = Ordered(16), Ordered(8)
    one = fit(plain, replace(CONFIG, epochs=1), tmp_path / "a")
    two = fit(halves, replace(CONFIG, epochs=1, accumulate=2), tmp_path / "b")
    assert two[0]["step"] == one[0]["step"] == 1
    assert torch.allclose(weights(plain), weights(halves), atol=1e-6)


def test_the_best_weights_are_kept_and_patience_ends_the_run(tmp_path: Path) -> None:
    task, short = Line(), Line()
    task.scores = [0.5, 0.4, 0.3, 0.9]
    curve = fit(task, replace(CONFIG, epochs=4, patience=2, schedule="constant"), tmp_path / "a")
    fit(short, replace(CONFIG, epochs=1, schedule="constant"), tmp_path / "b")
    assert len(curve) == 3
    assert torch.equal(weights(task), weights(short))


def test_bfloat16_trains_and_keeps_float32_weights(tmp_path: Path) -> None:
    task = Line()
    curve = fit(task, replace(CONFIG, precision="bfloat16"), tmp_path)
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert weights(task).dtype == torch.float32


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [learning_rate(CONFIG, step, 10) for step in range(11)]
    assert rates[0] == pytest.approx(0.025)
    assert max(rates) == rates[1] == rates[2] == 0.05
    assert rates[10] == pytest.approx(0.0)


def test_move_reaches_tensors_wherever_they_are() -> None:
    moved = move({"a": [torch.ones(1)], "b": (torch.ones(2), "text")}, torch.device("meta"))
    assert moved["a"][0].device.type == moved["b"][0].device.type == "meta"
    assert moved["b"][1] == "text"


def test_cuda_without_a_device_is_refused_with_the_remedy() -> None:
    if torch.cuda.is_available():
        assert choose_device("cuda").type == "cuda"
        return
    with pytest.raises(ConfigError, match="auto"):
        choose_device("cuda")


class Watched(Line):
    """Takes its lease away at a batch, and keeps what it has seen of its heartbeat."""

    def __init__(self, lose_at: int) -> None:
        super().__init__()
        self.lose_at = lose_at
        self.beaten: list[bool] = []

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Look at the heartbeat first."""
        lease = held_lease()
        assert lease is not None
        self.beaten.append(beat_file(lease).exists())
        if len(self.beaten) == self.lose_at:
            lease.unlink()
        return super().losses(batch)


def test_a_trainer_that_was_taken_for_dead_stops_before_its_next_step(profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.0)
    task = Watched(lose_at=2)
    with hold_lease("train_cirp", JobRun(profile=profile, run_id="r")), pytest.raises(LeaseLost):
        fit(task, CONFIG, tmp_path / "model")
    assert task.beaten == [True, True]
