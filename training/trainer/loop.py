"""One trainer for every model: it knows devices, precision, accumulation, checkpoints and when to stop, and no objective.

A ``Task`` owns the model and the objective; ``fit`` runs it. Randomness comes from two places only, so that a resumed run
equals an uninterrupted one bit by bit on a CPU: ``plans`` draws from the generator it is given (seeded by seed and
epoch), ``losses`` may draw from torch's global generator (its state is part of a checkpoint).

Several processes (``ranks``) or several batches a step (``accumulate``) train a ``ContrastiveTask`` as one process would with one large batch.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from goeswith.errors import ConfigError, TrainingStopped
from goeswith.heartbeat import heartbeat, unheard
from goeswith.progress import Advance, progress
from goeswith.results import write_atomically
from training.trainer.checkpoint import Checkpoint, fingerprint, learned_state, load_learned, newest_checkpoint, write_checkpoint
from training.trainer.device import choose_device, move, restore_rng, rng_state
from training.trainer.gradients import Spanning
from training.trainer.journal import Journal, open_journals
from training.trainer.loader import Loader
from training.trainer.ranks import ALONE, Ranks
from training.trainer.task import ContrastiveTask, Task, Tensors, total_loss

logger = logging.getLogger(__name__)

Row = dict[str, float]
NORM = "gradient norm"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """How to train; an epoch is what the task says it is. Nothing here depends on the clock, so results do not either."""

    epochs: int
    lr: float
    weight_decay: float = 0.0
    warmup: int = 0
    """Optimizer steps over which the learning rate rises from 0."""
    schedule: Literal["constant", "cosine"] = "constant"
    """After the warm-up: stay, or fall to 0 along half a cosine until the last step."""
    accumulate: int = 1
    """Batches of one step, over all processes: the items of a ``ContrastiveTask`` are compared across all of them, other tasks' gradients are
    averaged. What is left of an epoch that makes no whole step is left out."""
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 42
    clip_norm: float = 1.0
    patience: int = 0
    """Epochs without a better ``score`` before stopping; 0: never stop early. The best weights are kept either way."""
    checkpoint_every: int = 200
    """Optimizer steps between checkpoints."""
    checkpoint_pause: float = 0.0
    """Before the next one at least so many times as long must pass as the last one took: 19 gives them a twentieth of the time, however fast
    steps are. Which steps have one changes no result."""


@dataclass(slots=True)
class _State:
    """Where a run stands: what a checkpoint stores beside tensors."""

    epoch: int = 0
    steps_in_epoch: int = 0
    step: int = 0
    items: int = 0
    best: float | None = None
    stale: int = 0
    done: bool = False
    sums: Row = field(default_factory=dict)
    curve: list[Row] = field(default_factory=list)


def fit(
    task: Task, config: TrainerConfig, folder: Path, *, recipe: Mapping[str, Any] | None = None, what: str = "training", ranks: Ranks = ALONE
) -> list[Row]:
    """Train ``task.model`` in place (best weights by ``score``, else the last) and return the curve, one row an epoch.

    ``folder`` gets ``curve.jsonl``, ``tensorboard/`` and ``checkpoints/``; a run that was killed goes on from there. ``recipe`` (JSON values)
    names everything else that the result depends on. Of several processes (``ranks``) the first alone writes. Raises ``TrainingStopped``
    where a loss or gradient is not finite (before the optimizer's step) or the checkpoint found belongs to another recipe, ``ConfigError``
    where processes cannot share its steps, ``LeaseLost`` where another process has taken this job's place.
    """
    _require_shares(task, config, ranks.count)
    return _Run(task, config, folder, fingerprint({"trainer": asdict(config), "recipe": dict(recipe or {})}), what, ranks).fit()


def _require_shares(task: Task, config: TrainerConfig, count: int) -> None:
    if count > 1 and not isinstance(task, ContrastiveTask):
        raise ConfigError(f"{type(task).__name__} trains in one process, and {count} were started", "start one: ranks 1")
    if config.accumulate % count or (count > 1 and task.steps_per_epoch() < config.accumulate):
        what = f"{config.accumulate} batches a step of {task.steps_per_epoch()} an epoch are not shared equally by {count} processes"
        raise ConfigError(what, f"set accumulate to a multiple of {count}, at most the batches of an epoch")


def learning_rate(config: TrainerConfig, step: int, total: int) -> float:
    """Return the learning rate of optimizer step ``step`` (from 0) of ``total``."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup) / max(1, total - config.warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def scale_lr(module: nn.Module, scale: float) -> None:
    """Let the parameters of ``module`` learn at ``scale`` times the learning rate: for pretrained layers below new ones."""
    for parameter in module.parameters():
        parameter.lr_scale = scale  # type: ignore[attr-defined]  # an attribute of ours on torch's parameter


def _groups_by_scale(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(getattr(parameter, "lr_scale", 1.0), []).append(parameter)
    return [{"params": group, "scale": scale} for scale, group in groups.items()]


class _Run:
    """One call of ``fit``."""

    def __init__(self, task: Task, config: TrainerConfig, folder: Path, recipe_hash: str, what: str, ranks: Ranks) -> None:
        self.task, self.config, self.folder, self.recipe_hash, self.what, self.ranks = task, config, folder, recipe_hash, what, ranks
        self.device = choose_device(config.device)
        task.model.to(self.device)
        self.learning = [p for p in task.model.parameters() if p.requires_grad]
        on_gpu = self.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(_groups_by_scale(self.learning), lr=config.lr, weight_decay=config.weight_decay, fused=on_gpu or None)
        self.steps_per_epoch = max(1, task.steps_per_epoch() // config.accumulate)
        self.loader = Loader(task.load, pinned=on_gpu)
        self.state = _State()
        self.best: dict[str, Tensor] = {}
        self.journals: Sequence[Journal] = ()
        self.next_checkpoint = 0.0
        self.beat: Callable[[], None] = unheard

    def fit(self) -> list[Row]:
        """Run every epoch that is left."""
        torch.manual_seed(self.config.seed)
        rng = self._resume()
        total = self.config.epochs * self.steps_per_epoch
        name = f"{self.folder.parent.name}/{self.folder.name} {self.recipe_hash[:8]}"
        opened = open_journals(self.folder, self.state.step, self.what, name, asdict(self.config)) if self.ranks.first else nullcontext(())
        alive = heartbeat() if self.ranks.first else nullcontext(unheard)  # where one process hangs, all of them wait
        with progress(self.what, total, unit="steps") as advance, opened as self.journals, alive as self.beat:
            advance(self.state.step, "")
            while not self.state.done and self.state.epoch < self.config.epochs:
                self._epoch(rng, advance)
                rng = None
        if not self.state.done:
            self.state.done = True
            self._checkpoint()
        load_learned(self.task.model, self.best)
        self.task.model.eval()
        return self.state.curve

    def _epoch(self, rng: dict[str, Tensor] | None, advance: Advance) -> None:
        started, items = time.monotonic(), self.state.items
        self.loader.waited_s = 0.0
        self.task.model.train()
        for batches in self._steps(rng):
            self.beat()
            self._step(batches)
            rate = (self.state.items - items) / max(1e-9, time.monotonic() - started)
            advance(1, f"epoch {self.state.epoch + 1} loss {self._means()['loss']:.4f}, {rate:.0f} items/s")
            if self.state.step % self.config.checkpoint_every == 0 and time.monotonic() >= self.next_checkpoint:
                self._checkpoint()
        self._close_epoch(time.monotonic() - started, self.state.items - items)

    def _steps(self, rng: dict[str, Tensor] | None) -> Iterator[list[Any]]:
        """Yield this process's batches of each optimizer step that is left in this epoch; ``rng`` is the state to go on from."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.state.epoch)
        plans = self.task.plans(generator)
        for _ in islice(plans, self.state.steps_in_epoch * self.config.accumulate):
            pass
        if rng is not None:
            restore_rng(rng)
        steps = range(self.state.steps_in_epoch, self.steps_per_epoch)
        batches = self.loader.batches(plan for _ in steps for plan in self._share(list(islice(plans, self.config.accumulate))))
        while taken := list(islice(batches, self.config.accumulate // self.ranks.count)):
            yield taken

    def _share(self, plans: list[Any]) -> list[Any]:
        """Return this process's plans of a step: processes take them in their order, so together they have what one process has."""
        each = self.config.accumulate // self.ranks.count
        return plans[self.ranks.rank * each : (self.ranks.rank + 1) * each]

    def _step(self, batches: list[Any]) -> None:
        for entry in self.optimizer.param_groups:
            entry["lr"] = entry["scale"] * learning_rate(self.config, self.state.step, self.config.epochs * self.steps_per_epoch)
        self.optimizer.zero_grad(set_to_none=True)
        said = self._learn([move(batch, self.device) for batch in batches])
        self._take_down(said, nn.utils.clip_grad_norm_(self.learning, self.config.clip_norm))
        self.optimizer.step()
        self.task.after_step()
        self.state.step += 1
        self.state.steps_in_epoch += 1
        self.state.items += self.ranks.add(sum(map(self.task.items_in, batches)))

    def _learn(self, batches: list[Any]) -> list[Tensors]:
        """Add the gradients of a step's batches and return their terms."""
        if isinstance(self.task, ContrastiveTask) and self.config.accumulate > 1:
            seed = self.config.seed * 1_000_003 + self.state.step
            return [Spanning(self.ranks, self._autocast, seed, self.ranks.rank * len(batches)).backward(self.task, batches)]
        return [self._backward(batch, len(batches)) for batch in batches]

    def _backward(self, batch: Any, of: int) -> Tensors:
        with self._autocast():
            terms = self.task.losses(batch)
        torch.autograd.backward(total_loss(terms) / of)
        return terms

    def _take_down(self, said: list[Tensors], norm: Tensor) -> None:
        """Add a step's terms to the epoch's. They are read at once, before the optimizer's step: a GPU is waited for once."""
        named = [(name, value / len(said)) for terms in said for name, value in {**terms, "loss": total_loss(terms)}.items()]
        read = torch.stack([value.detach().float() for _, value in (*named, (NORM, norm))]).tolist()
        for name, value in zip((*(name for name, _ in named), NORM), read, strict=True):
            self._require_finite(name, value)
            if name != NORM:
                self.state.sums[name] = self.state.sums.get(name, 0.0) + value

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bfloat16")

    def _require_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            where = f"{self.what}: {name} is {value} at step {self.state.step} (epoch {self.state.epoch + 1})"
            raise TrainingStopped(where, "lower lr, raise warmup, or look at the batch's input; the last checkpoint stands")

    def _means(self) -> Row:
        return {name: value / max(1, self.state.steps_in_epoch) for name, value in self.state.sums.items()}

    def _close_epoch(self, seconds: float, items: int) -> None:
        state, seconds = self.state, max(seconds, 1e-9)
        speed = {"items_per_s": round(items / seconds, 1), "waited_share": round(self.loader.waited_s / seconds, 4)}
        figures = {**self._means(), **self._validate()}
        state.epoch += 1
        state.curve.append({"epoch": state.epoch, "step": state.step, "items": state.items, **figures, "seconds": round(seconds, 3), **speed})
        for journal in self.journals:
            journal.write(state.step, {**figures, **speed})
        state.sums, state.steps_in_epoch = {}, 0
        score = figures.get("score")
        if score is not None and (state.best is None or score > state.best):
            state.best, state.stale, self.best = score, 0, learned_state(self.task.model)
        elif score is not None:
            state.stale += 1
            state.done = 0 < self.config.patience <= state.stale
        if self.ranks.first:
            write_atomically(self.folder / "curve.jsonl", "".join(json.dumps(row) + "\n" for row in state.curve))
        if state.done:
            self._checkpoint()

    def _validate(self) -> Row:
        self.ranks.share_buffers(self.task.model)
        self.task.model.eval()
        with torch.no_grad():
            return self.task.validate()

    def _checkpoint(self) -> None:
        if not self.ranks.first:
            return
        started = time.monotonic()
        tensors = {"model": learned_state(self.task.model), "best": self.best, "rng": rng_state()}
        write_checkpoint(self.folder, Checkpoint(self.recipe_hash, asdict(self.state), tensors), self.optimizer, self.state.step)
        ended = time.monotonic()
        self.next_checkpoint = ended + self.config.checkpoint_pause * (ended - started)

    def _resume(self) -> dict[str, Tensor] | None:
        found = newest_checkpoint(self.folder, self.recipe_hash, self.optimizer)
        if found is None:
            return None
        self.state, self.best = _State(**found.state), found.tensors["best"]
        load_learned(self.task.model, found.tensors["model"])
        logger.info("%s: going on from step %d", self.what, self.state.step)
        return found.tensors["rng"]
