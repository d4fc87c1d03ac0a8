"""Before a clock runs: on the same items, whole pictures and the same weights both engines come to the same loss."""

from dataclasses import replace

import torch

from benchmarks.cirp.examples import Collator, Examples
from benchmarks.cirp.lesson import Lesson
from benchmarks.cirp.rival import Objective, Rival
from goeswith.errors import DataContractError
from training.cirp.batches import Plan
from training.cirp.task import CirpTask
from training.dataset import Ints
from training.trainer.task import total_loss

TOLERANCE = 1e-4
WHOLE = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""The affine map that crops nothing."""


def require_same_loss(lesson: Lesson, task: CirpTask, items: Ints) -> None:
    """Raise ``DataContractError`` unless both come to the same loss of ``items`` (B,), dropout included; ``task`` is on the CPU, as built."""
    ours, theirs = our_loss(task, items), their_loss(lesson, task, items)
    if abs(ours - theirs) > TOLERANCE:
        raise DataContractError(f"the loss is {ours:.6f} by goeswith and {theirs:.6f} by transformers", "no figure of this run counts: report it")


def our_loss(task: CirpTask, items: Ints) -> float:
    """Return our loss of whole pictures, from the kept rows, in training mode; the weights stay as they are."""
    pictures = int(task.inputs.pictures.has[items].sum())
    batch = task.load(Plan(items, WHOLE.expand(pictures, 2, 3)))
    task.model.train()
    torch.manual_seed(0)
    return float(total_loss(task.losses(batch)).detach())


def their_loss(lesson: Lesson, task: CirpTask, items: Ints) -> float:
    """Return the rival's loss of whole pictures with the task's weights, in training mode, on the CPU."""
    lesson = replace(lesson, device=torch.device("cpu"))
    examples = Examples(lesson, cropped=False)
    batch = Collator(lesson)([examples[int(item)] for item in items])
    model = Rival(task.model.cirp, lesson.recipe).train()
    torch.manual_seed(0)
    return float(total_loss(Objective(lesson).losses(model, batch)).detach())
