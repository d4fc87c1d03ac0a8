"""The meta-path encoder of one task: attention over path instances, then over paths (MMSC section 3, behaviour; [D] form)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # the field's own name
from torch import Tensor, nn

from training.mmsc.graph import Walks

SLOPE = 0.2
"""Of LeakyReLU, as in graph attention networks."""


def path_messages(walks: Walks, features: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return m (B, F, D), the mean of ``features`` (N, D) along each instance, and which instances exist, by path.

    An instance continues its prefix's, so each hop is read once however many paths share it.
    """
    sums: dict[str, Tensor] = {}
    for path, (node, _) in walks.items():
        last = features[node]
        sums[path] = last if len(path) == 1 else sums[path[:-1]] + last
    return {path: total / len(path) for path, total in sums.items()}, {path: real for path, (_, real) in walks.items()}


class PathEncoder(nn.Module):
    """p_i of one task: alpha = softmax_j LeakyReLU(a_p . [x_i || m_ij]), p_i^p = sum alpha m, beta = softmax_p(u . tanh(W_p p_i^p + b)).

    The paper's W before x_i collapses into a_p, as only the product of both is used.
    """

    def __init__(self, paths: Sequence[str], item_width: int, width: int) -> None:
        super().__init__()
        self.paths = tuple(paths)
        self.of_query = nn.Parameter(torch.zeros(len(paths), item_width))
        self.of_message = nn.Parameter(torch.zeros(len(paths), item_width))
        self.path_weight = nn.Parameter(torch.randn(len(paths), item_width, item_width) * item_width**-0.5)
        self.path_bias = nn.Parameter(torch.zeros(len(paths), item_width))
        self.path_query = nn.Parameter(torch.randn(item_width) * 0.1)
        self.out = nn.Linear(item_width, width, bias=False)
        nn.init.orthogonal_(self.out.weight)

    def forward(self, query: Tensor, messages: dict[str, Tensor], real: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return p (B, width), zeros where no path leaves the item, and whether one does (B,); ``query`` is x_i (B, D)."""
        if not self.paths:
            return query.new_zeros(len(query), self.out.out_features), torch.zeros(len(query), dtype=torch.bool, device=query.device)
        m_bpfd = torch.stack([messages[path] for path in self.paths], dim=1)
        real_bpf = torch.stack([real[path] for path in self.paths], dim=1)
        logits = F.leaky_relu((query @ self.of_query.T).unsqueeze(-1) + torch.einsum("bpfd,pd->bpf", m_bpfd, self.of_message), SLOPE)
        p_bpd = torch.einsum("bpf,bpfd->bpd", masked_softmax(logits, real_bpf), m_bpfd)
        hidden = torch.tanh(torch.einsum("bpd,pde->bpe", p_bpd, self.path_weight) + self.path_bias)
        there = real_bpf.any(-1)
        beta = masked_softmax(hidden @ self.path_query, there)
        return self.out(torch.einsum("bp,bpd->bd", beta, p_bpd)), there.any(-1)


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Return softmax over the last dimension where ``mask`` holds, zeros elsewhere; a row without any is all zeros."""
    floor = torch.finfo(logits.dtype).min
    return torch.softmax(logits.masked_fill(~mask, floor), dim=-1) * mask
