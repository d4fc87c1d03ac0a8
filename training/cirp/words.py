"""Rare words beside the meaning of a text: what a sentence encoder smooths away, and what tells products of one range from those of another."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SEED = 0
"""Of the codes: every model has the same ones."""
RARITY = 2.0
"""Power of the inverse document frequency that a word counts with."""


class WordCodes(nn.Module):
    """Adds a bag of random word codes to a pooled text: cosines of bags are those of TF-IDF, up to the noise of D dimensions.

    ``codes`` (V, D) are random signs, ``weights`` (V,) how rare a word piece is, ``centre`` (D,) the mean of what the encoder gives: all
    texts of a shop share it, so it tells nothing. No step changes them; ``fit`` reads the texts of a training set once.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        signs = np.random.default_rng(SEED).integers(0, 2, (vocabulary, width), dtype=np.int8) * 2 - 1
        self.codes = nn.Parameter(torch.from_numpy(signs), requires_grad=False)
        self.weights = nn.Parameter(torch.zeros(vocabulary), requires_grad=False)
        self.centre = nn.Parameter(torch.zeros(width), requires_grad=False)

    def forward(self, pooled: Tensor, ids: Tensor) -> Tensor:
        """Return (B, D) of pooled hidden states (B, D) and token ids (B, L); ids of padding weigh nothing."""
        bag = (self.codes[ids].to(pooled.dtype) * self.weights[ids].to(pooled.dtype).unsqueeze(-1)).sum(1)
        return F.normalize(F.normalize(pooled, dim=-1) - self.centre, dim=-1) + F.normalize(bag, dim=-1)

    @torch.no_grad()
    def fit(self, tokens: Sequence[npt.NDArray[np.int32]], pooled: Tensor, marks: Sequence[int]) -> None:
        """Take the weights from the texts' tokens, all of them, and the centre from pooled texts (B, D); ``marks`` are no words."""
        met = np.zeros(len(self.weights))
        for row in tokens:
            met[np.unique(row)] += 1
        rarity = np.log((1 + len(tokens)) / (1 + met)) + 1
        rarity[[*np.flatnonzero(met == 0), *marks]] = 0
        self.weights.copy_(torch.from_numpy(rarity**RARITY))
        self.centre.copy_(F.normalize(pooled, dim=-1).mean(0))
