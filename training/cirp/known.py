"""What is known of items while CIRP learns: who is whose neighbour, who is a variant of whom, and who has an edge at all."""

import torch
from torch import Tensor

from training.cirp.losses import Relations
from training.cirp.neighbours import ItemGraph
from training.cirp.recipe import CirpRecipe


class Known:
    """The training edges of a graph, in both directions, and its products. They lie on the device of the last question."""

    def __init__(self, graph: ItemGraph, recipe: CirpRecipe) -> None:
        self.recipe, self.edges = recipe, graph.known(weighted=recipe.edge_weights)
        self.products, self.joined = torch.from_numpy(graph.products), torch.from_numpy(graph.joined)

    def relate(self, items: Tensor, candidates: Tensor) -> Relations:
        """Return how items (B,) stand to candidates (K,), of which a queue's empty places (-1) are none."""
        at = candidates.clamp(min=0)
        self.products, self.joined = (values.to(candidates.device) for values in (self.products, self.joined))
        own = items[:, None] == candidates[None, :]
        return Relations(
            own=own,
            alike=own | (self.products[items][:, None] == self.products[at][None, :]),
            known=self.edges.contains(items[:, None], at[None, :]) & (candidates >= 0)[None, :],
            weights=self.edges.weights_of(items[:, None], at[None, :]) if self.recipe.edge_weights else None,
            joined=self.joined[at] if self.recipe.by_edges else None,
        )
