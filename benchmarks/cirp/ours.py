"""Our side: the caches filled from nothing, then the real trainer over CIRP's task, its checkpoints and journals included."""

import shutil
import time

import torch
from torch.compiler import set_stance

from benchmarks.cirp.flops import count_flops
from benchmarks.cirp.lesson import Lesson
from benchmarks.cirp.runs import EPOCHS, Run
from training.cirp.fit import CHECKPOINT_EVERY, CHECKPOINT_PAUSE
from training.cirp.inputs import build_inputs, teach_words
from training.cirp.model import Cirp, build_cirp
from training.cirp.task import CirpTask
from training.trainer.device import move
from training.trainer.loop import Row, TrainerConfig, fit
from training.trainer.task import total_loss


def train_ours(lesson: Lesson) -> Run:
    """Fill the caches anew and train; the first epoch warms up and is not counted."""
    shutil.rmtree(lesson.folder / "cache", ignore_errors=True)
    shutil.rmtree(lesson.folder / "fit", ignore_errors=True)
    model = build_model(lesson)
    started = time.perf_counter()
    task = build_task(lesson, model)
    filled = time.perf_counter()
    curve = fit(task, trainer_config(lesson), lesson.folder / "fit", what="CIRP")
    opened_s = time.perf_counter() - filled - sum(row["seconds"] for row in curve)
    return _as_run(curve, fill_s=filled - started + opened_s, flops_per_item=flops_of(task, lesson))


def build_model(lesson: Lesson) -> Cirp:
    """Return the encoder before its first step: what both engines begin with."""
    torch.manual_seed(lesson.recipe.seed)
    return build_cirp(lesson.recipe)


def build_task(lesson: Lesson, model: Cirp) -> CirpTask:
    """Return the task before its first step, its caches filled."""
    inputs = build_inputs(lesson.shop.training.items, model, lesson.recipe, lesson.shop.home)
    teach_words(model, inputs, lesson.recipe)
    return CirpTask(model, inputs, lesson.graph, lesson.recipe)


def trainer_config(lesson: Lesson, epochs: int = 1 + EPOCHS) -> TrainerConfig:
    """Return the trainer's settings as the job ``train_cirp`` makes them, but for fewer epochs."""
    recipe = lesson.recipe
    return TrainerConfig(
        epochs=epochs,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        warmup=recipe.warmup,
        schedule="cosine",
        precision=recipe.precision,
        device="cuda" if lesson.device.type == "cuda" else "cpu",
        seed=recipe.seed,
        checkpoint_every=CHECKPOINT_EVERY,
        checkpoint_pause=CHECKPOINT_PAUSE,
    )


def flops_of(task: CirpTask, lesson: Lesson) -> float:
    """Return the operations of one step over its items."""
    batch = move(task.load(next(task.plans(torch.Generator().manual_seed(lesson.recipe.seed)))), lesson.device)
    task.model.to(lesson.device).train()
    with set_stance("force_eager"):  # what is compiled is not counted
        return count_flops(lambda: total_loss(task.losses(batch))) / task.items_in(batch)


def _as_run(curve: list[Row], *, fill_s: float, flops_per_item: float) -> Run:
    timed = curve[1:]
    return Run(
        items=int(curve[-1]["items"] - curve[0]["items"]),
        seconds=sum(row["seconds"] for row in timed),
        waited_s=sum(row["waited_share"] * row["seconds"] for row in timed),
        flops_per_item=flops_per_item,
        fill_s=fill_s,
    )
