"""The set encoder: given items -> where in the space of items the missing one lies (models.md section 1, Bundle completion, "Better")."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SetEncoder(nn.Module):
    """Starts as the mean of one linear map of the given items; attention over them is a residual that starts at nothing.

    Items are rows of width w: words, text and picture beside each other. Two maps, for what is given and for what is sought, start alike.
    """

    def __init__(self, width: int, dim: int, heads: int, temperature: float) -> None:
        super().__init__()
        self.heads = heads
        self.given, self.target = nn.Linear(width, dim, bias=False), nn.Linear(width, dim, bias=False)
        nn.init.orthogonal_(self.given.weight)
        self.target.load_state_dict(self.given.state_dict())
        self.mix, self.out = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.out.weight)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))
        self.word_share = nn.Parameter(torch.ones(()))

    def forward(self, items: Tensor, mask: Tensor) -> Tensor:
        """Return queries (B, d), L2-normalised, of given items (B, G, w); ``mask`` (B, G) is 1 where there is one."""
        found = F.normalize(self.given(items), dim=-1)
        found = found + self.out(self._attend(found, mask))
        return F.normalize((found * mask.unsqueeze(-1)).sum(1), dim=-1)

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return (B, G, d): what each given item takes from all of them."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.mix(x).chunk(3, dim=-1))
        weights = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        weights = weights.masked_fill(mask[:, None, None, :] == 0, -1e4).softmax(-1)
        mixed: Tensor = (weights @ v).transpose(1, 2).flatten(2)
        return mixed

    def targets(self, items: Tensor) -> Tensor:
        """Return (C, d), L2-normalised, of items (C, w)."""
        return F.normalize(self.target(items), dim=-1)

    def logits(self, queries: Tensor, targets: Tensor, words: Tensor) -> Tensor:
        """Return (B, C) of queries (B, d), targets (C, d) and the words' cosine (B, C): as a part of the score it need not be learned."""
        return (queries @ targets.T + self.word_share * words) / self.log_temperature.exp().clamp(0.01, 0.5)
