"""How batches are planned (those of the trained task are tested with it)."""

import torch

from training.cirp.batches import random_crops


def test_crops_stay_within_the_picture() -> None:
    maps = random_crops(200, torch.Generator().manual_seed(0))
    reach = maps[:, :, :2].abs().sum(2) + maps[:, :, 2].abs()
    assert (reach <= 1 + 1e-6).all()
    assert 0.3 < (maps[:, 0, 0] < 0).float().mean() < 0.7
