"""How coherent the common space is: do a picture and its text find each other, and do the features fill the space?"""

import numpy as np
import torch
from torch import Tensor

from training.cirp.model import Cirp

SAMPLE = 1_000
"""Items that are compared with each other."""
SEED = 0
PAIR = 2
"""Items below which nothing can be compared."""
CLOSE = 2.0
"""Of the Gaussian kernel exp(-2 |x - y|^2) (Wang and Isola 2020, section 4.1.2)."""

Space = dict[str, float]


@torch.no_grad()
def describe_space(model: Cirp, vectors: dict[str, Tensor]) -> Space:
    """Return figures of the vectors that ``encode_all`` gives, over ``SAMPLE`` random items.

    ``image_text_recall@1``: share of pictures whose own text is the nearest of all texts of the sample (1 / sample by chance); left out below two
    items with both. ``uniformity``: log of the mean kernel between features, the lower the more even (its lower end is -4). ``effective_rank``:
    exp of the entropy of the features' normalised singular values (Roy and Vetterli 2007), from 1 to the width.
    """
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(len(vectors["feature"])))
    both = order[(vectors["has_text"] * vectors["has_image"])[order] > 0][:SAMPLE]
    found = {} if len(both) < PAIR else {"image_text_recall@1": _recall_at_1(model, vectors["text"][both], vectors["image"][both])}
    some = order[vectors["feature"][order].norm(dim=1) > 0][:SAMPLE]
    return found if len(some) < PAIR else {**found, **_spread(vectors["feature"][some])}


def _recall_at_1(model: Cirp, text: Tensor, image: Tensor) -> float:
    device = model.device
    cosines = model.image_projection(image.to(device)) @ model.text_projection(text.to(device)).T
    return float((cosines.argmax(1) == torch.arange(len(cosines), device=device)).float().mean())


def _spread(x: Tensor) -> Space:
    apart = torch.pdist(x).square()
    share = torch.linalg.svdvals(x)
    share = share / share.sum()
    return {
        "uniformity": float(torch.exp(-CLOSE * apart).mean().log()),
        "effective_rank": float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum())),
    }
