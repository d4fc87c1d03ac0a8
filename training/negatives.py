"""Known edges as one sorted array of keys: is j a neighbour of i, for millions of questions at once."""

import torch
from torch import Tensor

TRIES = 8
"""How often a negative that hit a neighbour is drawn again; what then still hits one is left (a node joined to nearly all)."""


class EdgeSet:
    """Edges i -> j among ``num_nodes`` nodes; ``undirected`` holds both directions."""

    def __init__(self, src: Tensor, dst: Tensor, num_nodes: int, *, undirected: bool = True, weights: Tensor | None = None) -> None:
        self.num_nodes = num_nodes
        keys = src.long() * num_nodes + dst.long()
        back = dst.long() * num_nodes + src.long()
        self.keys, at = torch.unique(torch.cat([keys, back]) if undirected else keys, return_inverse=True)
        self.weights = torch.ones(len(self.keys))
        if weights is not None:
            self.weights[at] = (torch.cat([weights, weights]) if undirected else weights).float()

    def contains(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return whether each edge is known, in the broadcast shape of ``src`` and ``dst``."""
        return self._find(src, dst)[0]

    def weights_of(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return the weight of each edge, 0 of one that is not known."""
        found, at = self._find(src, dst)
        return torch.where(found, self.weights.to(at.device)[at], 0.0) if len(self.keys) else torch.zeros_like(at, dtype=torch.float32)

    def _find(self, src: Tensor, dst: Tensor) -> tuple[Tensor, Tensor]:
        """Return whether each edge is known, and where its key stands."""
        asked = src.long() * self.num_nodes + dst.long()
        if not len(self.keys):
            return torch.zeros_like(asked, dtype=torch.bool), torch.zeros_like(asked)
        keys = self.keys.to(asked.device)
        at = torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)
        return keys[at] == asked, at


def uniform_negatives(src: Tensor, known: EdgeSet, generator: torch.Generator) -> Tensor:
    """Return for each node of ``src`` (B,) a uniform node that is neither it nor its neighbour, (B,)."""
    drawn = torch.randint(known.num_nodes, src.shape, generator=generator)
    for _ in range(TRIES):
        bad = (drawn == src) | known.contains(src, drawn)
        if not bad.any():
            break
        drawn[bad] = torch.randint(known.num_nodes, (int(bad.sum()),), generator=generator)
    return drawn
