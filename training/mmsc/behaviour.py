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
        visited = [walks[path][0] for path in self.paths]
        weights = [self._weigh(of_query[:, k], of_message[:, k], *walks[path]) for k, path in enumerate(self.paths)]
        p_bpd = weighted_bags(features, visited, weights)
        there = torch.stack([walks[path][1].any(-1) for path in self.paths], dim=1)
        hidden = torch.tanh(torch.einsum("bpd,pde->bpe", p_bpd, self.path_weight) + self.path_bias)
        beta = masked_softmax(hidden @ self.path_query, there)
        return self.out(torch.einsum("bp,bpd->bd", beta, p_bpd)), there.any(-1)

    @staticmethod
    def _weigh(of_query: Tensor, of_message: Tensor, visited: Tensor, real: Tensor) -> Tensor:
        """Return alpha / L of every item visited (B, F, L) by the instances of one path; ``real`` (B, F) marks those that exist."""
        logits = F.leaky_relu(of_query[:, None] + of_message[visited].mean(-1), SLOPE)
        return (masked_softmax(logits, real) / visited.shape[-1]).unsqueeze(-1).expand_as(visited)


def weighted_bags(features: Tensor, visited: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Return (B, P, D): for each of P paths the sum of the features of its ``visited`` (B, F, L), each times its weight.

    It is one bag, for the gradient of each is as large as all ``features``.
    """
    sizes = torch.tensor([each[0].numel() for each in visited], device=features.device).repeat_interleave(len(visited[0]))
    at, by = (torch.cat([each.flatten() for each in several]) for several in (visited, weights))
    found = F.embedding_bag(at, features, sizes.cumsum(0) - sizes, mode="sum", per_sample_weights=by)
    return found.view(len(visited), -1, features.shape[1]).transpose(0, 1)


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Return softmax over the last dimension where ``mask`` holds, zeros elsewhere; a row without any is all zeros."""
    floor = torch.finfo(logits.dtype).min
    return torch.softmax(logits.masked_fill(~mask, floor), dim=-1) * mask
