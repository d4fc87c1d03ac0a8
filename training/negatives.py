"""Known edges as one sorted array of keys: is j a neighbour of i, for millions of questions at once."""

import torch
from torch import Tensor

TRIES = 8
"""How often a negative that hit a neighbour is drawn again; what then still hits one is left (a node joined to nearly all)."""


class EdgeSet:
    """Edges i -> j among ``num_nodes`` nodes; ``undirected`` holds both directions. They lie on the device of the last question."""

    def __init__(self, src: Tensor, dst: Tensor, num_nodes: int, *, undirected: bool = True, weights: Tensor | None = None) -> None:
        self.num_nodes = num_nodes
        keys = src.long() * num_nodes + dst.long()
        back = dst.long() * num_nodes + src.long()
        both = torch.cat([keys, back]) if undirected else keys
        self.weights = None if weights is None else _by_key(both, torch.cat([weights, weights]) if undirected else weights)
        self.keys = torch.unique(both)

    def contains(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return whether each edge is known, in the broadcast shape of ``src`` and ``dst``."""
        return self._find(src, dst)[0]

    def weights_of(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return the weight of each edge, 0 of one that is not known; every known edge has 1 where the set was made without weights."""
        found, at = self._find(src, dst)
        if self.weights is None or not len(self.weights):
            return found.float()
        self.weights = self.weights.to(at.device)
        return torch.where(found, self.weights[at], 0.0)

    def _find(self, src: Tensor, dst: Tensor) -> tuple[Tensor, Tensor]:
        """Return whether each edge is known, and where its key stands."""
        asked = src.long() * self.num_nodes + dst.long()
        if not len(self.keys):
            return torch.zeros_like(asked, dtype=torch.bool), torch.zeros_like(asked)
        self.keys = self.keys.to(asked.device)
        at = torch.searchsorted(self.keys, asked).clamp(max=len(self.keys) - 1)
        return self.keys[at] == asked, at


def _by_key(keys: Tensor, weights: Tensor) -> Tensor:
    """Return one weight for each distinct key, in the keys' order."""
    distinct, at = torch.unique(keys, return_inverse=True)
    found = torch.zeros(len(distinct))
    found[at] = weights.float()
    return found


def draw_negatives(src: Tensor, known: EdgeSet, generator: torch.Generator, among: Tensor | None = None) -> Tensor:
    """Return for each node of ``src`` (B,) one that is neither it nor its neighbour, (B,): uniformly of all nodes, or of ``among`` (M,)."""
    drawn = _draw(len(src), known, generator, among)
    for _ in range(TRIES):
        bad = (drawn == src) | known.contains(src, drawn)
        if not bad.any():
            break
        drawn[bad] = _draw(int(bad.sum()), known, generator, among)
    return drawn


def _draw(count: int, known: EdgeSet, generator: torch.Generator, among: Tensor | None) -> Tensor:
    at = torch.randint(known.num_nodes if among is None else len(among), (count,), generator=generator)
    return at if among is None else among[at]
