"""The set encoder's objective for the one trainer: of each unit one item is left out, and found again among others."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional as F

from training.bundle_cases import MAX_BASKET, BundleCases, leave_one_out
from training.bundles.lessons import Lessons
from training.bundles.recipe import BundleRecipe
from training.bundles.set_encoder import SetEncoder
from training.dataset import Floats, Ints
from training.trainer.task import Task

NONE = -1


class Batch(NamedTuple):
    """B cases; each one's target is found among the targets of all."""

    items: Tensor
    """(B, G, w)."""
    mask: Tensor
    """(B, G)."""
    targets: Tensor
    """(B, w)."""
    words: Tensor
    """(B, B) cosine of words."""
    wrong: Tensor
    """(B, B) which targets are no negatives of a case: its own, met again, and what is given."""


def draw_cases(lessons: Lessons, most: int, seed: int) -> BundleCases:
    """Return the cases of every (unit, item) in a random order, ``most`` of them, drawn by ``seed``."""
    cases = leave_one_out(lessons.members, lessons.times, max_cases=MAX_BASKET * len(lessons), seed=seed)
    return cases.take(np.random.default_rng(seed).permutation(len(cases))[:most])


def padded(cases: BundleCases) -> Ints:
    """Return the given items of each case, (M, G) padded with ``NONE``."""
    rows = [cases.given(case) for case in range(len(cases))]
    given = np.full((len(rows), max(map(len, rows), default=1)), NONE, dtype=np.int64)
    for row, items in zip(given, rows, strict=True):
        row[: len(items)] = items
    return given


class SetTask(Task):
    """Cross-entropy of the item left out among the batch's other targets (uniform negatives teach what was ever sold: ADR 13)."""

    def __init__(self, cases: BundleCases, inputs: Floats, words: sp.csr_matrix | None, recipe: BundleRecipe) -> None:
        self.given, self.target, self.batch = padded(cases), cases.target, recipe.batch
        self.inputs, self.words = torch.from_numpy(inputs), words
        torch.manual_seed(recipe.seed)
        self.model: SetEncoder = SetEncoder(inputs.shape[1], recipe.dim, recipe.heads, recipe.temperature)

    def steps_per_epoch(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self.target) / self.batch)

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield which cases make a batch."""
        yield from torch.split(torch.randperm(len(self.target), generator=generator), self.batch)

    def load(self, plan: Tensor) -> Batch:
        """Return the batch of a plan."""
        given, target = self.given[plan.numpy()], self.target[plan.numpy()]
        mask = given != NONE
        wrong = (given[:, :, None] == target[None, None, :]).any(1) | (target[:, None] == target[None, :])
        np.fill_diagonal(wrong, val=False)
        return Batch(
            items=self.inputs[torch.from_numpy(np.where(mask, given, 0))],
            mask=torch.from_numpy(mask.astype(np.float32)),
            targets=self.inputs[torch.from_numpy(target)],
            words=torch.from_numpy(word_cosines(self.words, given, target)),
            wrong=torch.from_numpy(wrong),
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss."""
        logits = self.model.logits(self.model(batch.items, batch.mask), self.model.targets(batch.targets), batch.words)
        wanted = torch.arange(len(batch.items), device=logits.device)
        return {"set_loss": F.cross_entropy(logits.masked_fill(batch.wrong, -math.inf), wanted)}

    def items_in(self, batch: Batch) -> int:
        """Return the number of cases."""
        return len(batch.items)


def word_cosines(words: sp.csr_matrix | None, given: Ints, among: Ints) -> Floats:
    """Return (B, C): the mean cosine of the words of ``given`` (B, G) with those of ``among`` (C,); zeros where there are no words."""
    if words is None:
        return np.zeros((len(given), len(among)), dtype=np.float32)
    counts = (given != NONE).sum(1)
    rows, items = np.repeat(np.arange(len(given)), counts), given[given != NONE]
    means = sp.csr_matrix((1 / counts[rows], (rows, items)), (len(given), words.shape[0]), dtype=np.float32) @ words
    return np.asarray((means @ words[among].T).toarray(), dtype=np.float32)


@torch.no_grad()
def encode_targets(model: SetEncoder, inputs: Floats) -> Floats:
    """Return (N, d) of all items (N, w)."""
    return np.asarray(model.targets(torch.from_numpy(inputs)).numpy(), dtype=np.float32)


@torch.no_grad()
def encode_given(model: SetEncoder, inputs: Floats, given: Sequence[int]) -> Floats:
    """Return the query (d,) of given items."""
    items = torch.from_numpy(inputs[list(given)])[None]
    return np.asarray(model(items, torch.ones(1, len(given)))[0].numpy(), dtype=np.float32)
