"""What is known of items while CIRP learns: who is whose neighbour, who is a variant of whom, and who has an edge at all."""

import torch
from torch import Tensor

from training.cirp.losses import Relations
from training.cirp.neighbours import ItemGraph
from training.cirp.recipe import CirpRecipe


class Known:
    """The training edges of a graph, in both directions, and its products."""

    def __init__(self, graph: ItemGraph, recipe: CirpRecipe) -> None:
        self.recipe, self.edges = recipe, graph.known(weighted=recipe.edge_weights)
        self.products, self.joined = torch.from_numpy(graph.products), torch.from_numpy(graph.joined)

    def relate(self, items: Tensor, candidates: Tensor) -> Relations:
        """Return how items (B,) stand to candidates (K,), of which a queue's empty places (-1) are none."""
        at, device = candidates.clamp(min=0), candidates.device
        products, joined = self.products.to(device), self.joined.to(device)
        own = items[:, None] == candidates[None, :]
        return Relations(
            own=own,
            alike=own | (products[items][:, None] == products[at][None, :]),
            known=self.edges.contains(items[:, None], at[None, :]) & (candidates >= 0)[None, :],
            weights=self.edges.weights_of(items[:, None], at[None, :]) if self.recipe.edge_weights else None,
            joined=joined[at] if self.recipe.by_edges else None,
        )
