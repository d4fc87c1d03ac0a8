"""Known edges as one sorted array of keys: is j a neighbour of i, for millions of questions at once."""

import torch
from torch import Tensor

TRIES = 8
"""How often a negative that hit a neighbour is drawn again; what then still hits one is left (a node joined to nearly all)."""


class EdgeSet:
    """Edges i -> j among ``num_nodes`` nodes; ``undirected`` holds both directions."""

    def __init__(self, src: Tensor, dst: Tensor, num_nodes: int, *, undirected: bool = True) -> None:
        self.num_nodes = num_nodes
        keys = src.long() * num_nodes + dst.long()
        back = dst.long() * num_nodes + src.long()
        self.keys = torch.unique(torch.cat([keys, back]) if undirected else keys)

    def contains(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return whether each edge is known, in the broadcast shape of ``src`` and ``dst``."""
        asked = src.long() * self.num_nodes + dst.long()
        if not len(self.keys):
            return torch.zeros_like(asked, dtype=torch.bool)
        keys = self.keys.to(asked.device)
        at = torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)
        found: Tensor = keys[at] == asked
        return found


def uniform_negatives(src: Tensor, known: EdgeSet, generator: torch.Generator) -> Tensor:
    """Return for each node of ``src`` (B,) a uniform node that is neither it nor its neighbour, (B,)."""
    drawn = torch.randint(known.num_nodes, src.shape, generator=generator)
    for _ in range(TRIES):
        bad = (drawn == src) | known.contains(src, drawn)
        if not bad.any():
            break
        drawn[bad] = torch.randint(known.num_nodes, (int(bad.sum()),), generator=generator)
    return drawn
