"""Before a clock runs: a rival's instances walk along edges of the graph, are as many and as popular as ours, and come to the same loss."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.mmsc.lesson import Lesson
from benchmarks.mmsc.tasks import Ours, Theirs
from goeswith.errors import DataContractError
from training.mmsc.graph import Walks
from training.mmsc.task import Drawn
from training.trainer.task import total_loss

NEAR_SHARE, NEAR_DEGREE, NEAR_LOSS = 0.15, 0.1, 0.05
"""How far apart shares of instances that exist may be (PyG's that return to their query are dropped), and, relatively, mean log degrees of where
they end, and losses: all are draws."""
REMEDY = "no figure of this run counts: report it"


def require_same_instances(lesson: Lesson, theirs: Theirs) -> None:
    """Raise ``DataContractError`` unless a batch's walks by both are of one kind and come to the same loss with the same weights."""
    generator = torch.Generator().manual_seed(lesson.recipe.seed)
    drawn = theirs.draw(theirs.order(generator)[0], generator)
    own = theirs.walk(lesson.graph, drawn.queries, generator)
    walks = next(theirs.sampler.walks([drawn.queries], 0))
    for path in own:
        _require_edges(lesson, path, drawn.queries.nodes, walks[path])
        _require_near(f"the share of instances of {path!r}", [float(w[path][1].float().mean()) for w in (own, walks)], NEAR_SHARE)
        _require_near(f"the mean log degree behind {path!r}", [_log_degree(lesson, w, path) for w in (own, walks)], NEAR_DEGREE)
    _require_near("the loss", [loss_of(Ours(lesson), drawn, w) for w in (own, walks)], NEAR_LOSS)


def loss_of(task: Ours, drawn: Drawn, walks: Walks) -> float:
    """Return the loss of a batch before the first step, given its walks; the second view's are always the same."""
    second = task.walk(task.graph, task.second_queries(drawn), torch.Generator().manual_seed(task.recipe.seed))
    with torch.no_grad():
        return float(total_loss(task.losses(task.fill(drawn, walks, second))))


def _require_edges(lesson: Lesson, path: str, nodes: Tensor, walks: tuple[Tensor, Tensor]) -> None:
    visited, real = walks
    at = torch.cat([nodes[:, None, None].expand(-1, visited.shape[1], 1), visited], dim=-1)[real].numpy()
    for hop, letter in enumerate(path):
        low, high, *_ = lesson.graph.edges[letter]
        known, wanted = low * lesson.graph.num_items + high, np.sort(at[:, hop : hop + 2], axis=1)
        if not np.isin(wanted[:, 0] * lesson.graph.num_items + wanted[:, 1], known).all():
            raise DataContractError(f"hop {hop + 1} of {path!r} is no edge of the graph", REMEDY)


def _log_degree(lesson: Lesson, walks: Walks, path: str) -> float:
    visited, real = walks[path]
    return float(lesson.graph.relations[path[-1]].indptr.diff()[visited[..., -1][real]].float().log1p().mean())


def _require_near(what: str, both: Sequence[float], near: float) -> None:
    ours, theirs = both
    if not abs(ours - theirs) <= near * max(1.0, abs(ours)):
        raise DataContractError(f"{what} is {ours:.4f} by goeswith and {theirs:.4f} by PyG", REMEDY)
