"""The meta-path encoder of one task: attention over path instances, then over paths (MMSC section 3, behaviour; [D] form)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # the field's own name
from torch import Tensor, nn

from training.mmsc.graph import Walks

SLOPE = 0.2
"""Of LeakyReLU, as in graph attention networks."""


class PathEncoder(nn.Module):
    """p_i of one task: alpha = softmax_j LeakyReLU(a_p . [x_i || m_ij]), p_i^p = sum alpha m, beta = softmax_p(u . tanh(W_p p_i^p + b)).

    m_ij is the mean of x along instance j of path p. As m enters only linearly, neither it nor (B, F, D) is ever laid out: scalars
    a_p . x are read along the instance, and p_i^p is one weighted bag of embeddings (a fifth of the time of the plain form).
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

    def forward(self, features: Tensor, nodes: Tensor, walks: Walks) -> tuple[Tensor, Tensor]:
        """Return p (B, width) of ``nodes`` (B,), zeros where no path leaves the item, and whether one does (B,).

        ``features`` x is (N, D); ``walks`` were sampled from ``nodes``.
        """
        if not self.paths:
            return features.new_zeros(len(nodes), self.out.out_features), torch.zeros(len(nodes), dtype=torch.bool, device=nodes.device)
        of_query, of_message = (features @ self.of_query.T)[nodes], features @ self.of_message.T
        found = [self._instances(features, of_query[:, k], of_message[:, k], *walks[path]) for k, path in enumerate(self.paths)]
        p_bpd = torch.stack([p for p, _ in found], dim=1)
        there = torch.stack([real for _, real in found], dim=1)
        hidden = torch.tanh(torch.einsum("bpd,pde->bpe", p_bpd, self.path_weight) + self.path_bias)
        beta = masked_softmax(hidden @ self.path_query, there)
        return self.out(torch.einsum("bp,bpd->bd", beta, p_bpd)), there.any(-1)

    @staticmethod
    def _instances(features: Tensor, of_query: Tensor, of_message: Tensor, visited: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return p_i^p (B, D) of one path and whether any instance exists (B,); ``visited`` (B, F, L), ``real`` (B, F)."""
        logits = F.leaky_relu(of_query[:, None] + of_message[visited].mean(-1), SLOPE)
        alpha = masked_softmax(logits, real)
        weights = (alpha / visited.shape[-1]).unsqueeze(-1).expand_as(visited)
        return F.embedding_bag(visited.flatten(1), features, mode="sum", per_sample_weights=weights.flatten(1)), real.any(-1)


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Return softmax over the last dimension where ``mask`` holds, zeros elsewhere; a row without any is all zeros."""
    floor = torch.finfo(logits.dtype).min
    return torch.softmax(logits.masked_fill(~mask, floor), dim=-1) * mask
