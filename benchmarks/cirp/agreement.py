"""Before a clock runs: on the same items, whole pictures and the same weights both engines come to the same loss."""

import copy
from dataclasses import replace

import torch
from torch.compiler import set_stance

from benchmarks.cirp.examples import Collator, Examples
from benchmarks.cirp.lesson import Lesson
from benchmarks.cirp.rival import Objective
from benchmarks.cirp.rival_model import build_rival
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
    """Return our loss of whole pictures, from the kept rows, in training mode; weights and queue stay as they are."""
    before = copy.deepcopy(task.model.state_dict())
    pictures = int(task.inputs.pictures.has[items].sum())
    batch = task.load(Plan(items, WHOLE.expand(pictures, 2, 3)))
    task.model.train()
    torch.manual_seed(0)
    with set_stance("force_eager"):
        loss = float(total_loss(task.losses(batch)).detach())
    task.model.load_state_dict(before)
    return loss


def their_loss(lesson: Lesson, task: CirpTask, items: Ints) -> float:
    """Return the rival's loss of whole pictures with the task's weights, in training mode, on the CPU."""
    lesson = replace(lesson, device=torch.device("cpu"))
    examples = Examples(lesson, cropped=False)
    batch = Collator(lesson)([examples[int(item)] for item in items])
    model = build_rival(task.model.cirp, lesson.recipe).train()
    objective = Objective(lesson, model)
    objective.softness = 0.0  # which ours is before its first step
    torch.manual_seed(0)
    return float(total_loss(objective.losses(model, batch)).detach())
