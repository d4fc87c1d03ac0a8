"""The content head: learnable attention pooling over frozen tokens of any encoder (MMSC section 3, content; [D] form)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # the field's own name
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Tokens:
    """Frozen tokens of N items, one group a modality: ``values[m]`` (N, T, D) and ``present[m]`` (N,) bool."""

    values: dict[str, Tensor]
    present: dict[str, Tensor]

    def take(self, at: Tensor) -> "Tokens":
        """Return the tokens of the items at ``at``."""
        return Tokens({m: v[at] for m, v in self.values.items()}, {m: v[at] for m, v in self.present.items()})

    def only(self, modalities: tuple[str, ...]) -> "Tokens":
        """Return the tokens with every other modality missing."""
        present = {m: v if m in modalities else torch.zeros_like(v) for m, v in self.present.items()}
        return Tokens({m: v * present[m][:, None, None] for m, v in self.values.items()}, present)

    @property
    def sizes(self) -> dict[str, int]:
        """Width D of each modality."""
        return {m: v.shape[-1] for m, v in self.values.items()}

    @property
    def any_present(self) -> Tensor:
        """(N,) whether an item has any content."""
        return torch.stack(list(self.present.values())).any(0)

    def plain(self) -> Tensor:
        """Return (N, sum of D) untrained content: each modality's mean token, L2-normalised, absent ones 0."""
        means = [F.normalize(v.float().mean(1), dim=-1) * self.present[m][:, None] for m, v in self.values.items()]
        return F.normalize(torch.cat(means, dim=-1), dim=-1)


class ContentHead(nn.Module):
    """a_k = softmax(w . tanh(W h_k)), q = W_o sum_k a_k h_k, L2-normalised; h_k is token k projected to ``width``.

    A missing modality is one learned vector in place of its tokens, marked by the mask; it is never noise or zeros.
    """

    def __init__(self, sizes: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.modalities = tuple(sizes)
        self.project = nn.ModuleDict({m: nn.Linear(size, width, bias=False) for m, size in sizes.items()})
        self.missing = nn.ParameterDict({m: nn.Parameter(torch.randn(width) * 0.02) for m in sizes})
        self.hidden = nn.Linear(width, width, bias=False)
        self.weigh = nn.Linear(width, 1, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.orthogonal_(self.out.weight)
        for weight in self.project.parameters():
            nn.init.orthogonal_(weight)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return q (B, width) of B items."""
        h_bkd, a_bk = self._attend(tokens)
        return F.normalize(self.out((a_bk.unsqueeze(-1) * h_bkd).sum(1)), dim=-1)

    def attention(self, tokens: Tokens) -> dict[str, Tensor]:
        """Return how much of an item's content (B,) each modality gives, its missing vector's part included; they sum to 1."""
        _, a_bk = self._attend(tokens)
        parts = torch.split(a_bk, [tokens.values[m].shape[1] for m in self.modalities], dim=1)
        return {m: part.sum(1) for m, part in zip(self.modalities, parts, strict=True)}

    def _attend(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        h, real = zip(*(self._tokens(tokens, m) for m in self.modalities), strict=True)
        h_bkd, real_bk = torch.cat(h, dim=1), torch.cat(real, dim=1)
        logits = self.weigh(torch.tanh(self.hidden(h_bkd))).squeeze(-1).masked_fill(~real_bk, float("-inf"))
        return h_bkd, torch.softmax(logits, dim=1)

    def _tokens(self, tokens: Tokens, modality: str) -> tuple[Tensor, Tensor]:
        """Return projected tokens (B, T, width) and which of them count: all, or the first one as the learned missing vector."""
        there = tokens.present[modality]
        h = self.project[modality](tokens.values[modality].float())
        first = torch.arange(h.shape[1], device=h.device)[None, :] == 0
        return torch.where(there[:, None, None], h, self.missing[modality]), there[:, None] | first
