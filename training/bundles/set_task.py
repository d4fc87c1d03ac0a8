"""The set encoder's objective for the one trainer: of each unit one item is left out, and found again among others."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional as F

from training.bundles.recipe import BundleRecipe
from training.bundles.set_encoder import SetEncoder
from training.dataset import Floats, Ints
from training.task import Task

NONE = -1


class Cases(NamedTuple):
    """M cases: which items are given, (M, G) padded with ``NONE``, which is sought, (M,), and the unit that they are of, (M,)."""

    given: Ints
    target: Ints
    unit: Ints

    def take(self, at: slice) -> "Cases":
        """Return some of the cases."""
        return Cases(self.given[at], self.target[at], self.unit[at])


class Batch(NamedTuple):
    """B cases and the C items that each one's target is found among; the first B of them are the targets."""

    items: Tensor
    """(B, G, w)."""
    mask: Tensor
    """(B, G)."""
    among: Tensor
    """(C, w)."""
    words: Tensor
    """(B, C) cosine of words."""
    wrong: Tensor
    """(B, C) which of them are no negatives: the target's copies, what is given."""


def leave_each_out(units: Sequence[tuple[int, ...]], most: int, seed: int) -> Cases:
    """Return the cases of every (unit, item), ``most`` of them drawn by ``seed``."""
    cases = [([item for item in unit if item != target], target, at) for at, unit in enumerate(units) for target in unit]
    order = np.random.default_rng(seed).permutation(len(cases))[:most]
    given = np.full((len(order), max((len(cases[i][0]) for i in order), default=1)), NONE, dtype=np.int64)
    for row, i in zip(given, order, strict=True):
        row[: len(cases[i][0])] = cases[i][0]
    target, unit = (np.array([cases[i][part] for i in order], dtype=np.int64) for part in (1, 2))
    return Cases(given, target, unit)


class SetTask(Task):
    """Cross-entropy of the item left out among the batch's other targets and uniform ones."""

    def __init__(self, cases: Cases, inputs: Floats, words: sp.csr_matrix | None, recipe: BundleRecipe) -> None:
        self.cases, self.recipe = cases, recipe
        self.inputs, self.words = torch.from_numpy(inputs), words
        torch.manual_seed(recipe.seed)
        self.model: SetEncoder = SetEncoder(inputs.shape[1], recipe.dim, recipe.heads, recipe.temperature)

    def steps_per_epoch(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self.cases.target) / self.recipe.batch)

    def plans(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield which cases make a batch, and its uniform negatives."""
        for part in torch.split(torch.randperm(len(self.cases.target), generator=generator), self.recipe.batch):
            yield part, torch.randint(len(self.inputs), (self.recipe.negatives,), generator=generator)

    def load(self, plan: tuple[Tensor, Tensor]) -> Batch:
        """Return the batch of a plan."""
        part, others = plan
        given, target = self.cases.given[part.numpy()], self.cases.target[part.numpy()]
        among = np.concatenate([target, others.numpy()])
        mask = given != NONE
        wrong = (given[:, :, None] == among[None, None, :]).any(1) | (target[:, None] == among[None, :])
        wrong[np.arange(len(target)), np.arange(len(target))] = False
        return Batch(
            items=self.inputs[torch.from_numpy(np.where(mask, given, 0))],
            mask=torch.from_numpy(mask.astype(np.float32)),
            among=self.inputs[torch.from_numpy(among)],
            words=torch.from_numpy(word_cosines(self.words, given, among)),
            wrong=torch.from_numpy(wrong),
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss."""
        logits = self.model.logits(self.model(batch.items, batch.mask), self.model.targets(batch.among), batch.words)
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
