"""What MMSC's gates let through, by the items that each figure speaks of."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from goeswith.results import Figure
from tests.unit.training.evaluation.small_worlds import make_world
from training.evaluation.traits import gate_figures
from training.evaluation.truth import Truth

NOBODY = np.zeros(0, dtype=np.int64)


def figures(folder: Path, conflict: list[bool] | None) -> dict[tuple[str, str], Figure]:
    pairs = dict.fromkeys(("substitute", "complement"), (NOBODY, NOBODY))
    truth = None if conflict is None else Truth(pairs, (), np.array(conflict))
    return {(f.slice, f.metric): f for f in gate_figures(folder, make_world([], size=4, truth=truth), seed=7)}


def write(folder: Path) -> Path:
    """Write what is known of four items: the last has no picture, the first no substitutes."""
    tensors = {
        "attention_text": [0.2, 0.4, 0.6, 1.0],
        "attention_image": [0.8, 0.6, 0.4, 0.0],
        "content_share_substitute": [1.0, 0.2, 0.4, 0.6],
        "content_share_complement": [0.1, 0.1, 0.1, 0.1],
        "warm_substitute": [0.0, 1.0, 1.0, 1.0],
        "warm_complement": [1.0, 1.0, 1.0, 1.0],
    }
    plain = {"plain_text": torch.ones(4, 2), "plain_image": torch.tensor([[1.0], [1.0], [1.0], [0.0]])}
    save_file({name: torch.tensor(values) for name, values in tensors.items()} | plain, folder / "vectors.safetensors")
    return folder


def test_attention_speaks_of_items_with_both_modalities_and_shares_of_those_with_behaviour(tmp_path: Path) -> None:
    found = figures(write(tmp_path), None)
    assert {part for part, _ in found} == {"all"}
    assert np.isclose(found["all", "attention_image"].value, 0.6)
    assert found["all", "attention_image"].n == 3
    assert np.isclose(found["all", "content_share_substitute"].value, 0.4)


def test_items_whose_picture_shows_another_one_stand_apart(tmp_path: Path) -> None:
    found = figures(write(tmp_path), [True, False, False, False])
    assert np.isclose(found["conflicting", "attention_image"].value, 0.8)
    assert np.isclose(found["agreeing", "attention_image"].value, 0.5)
    assert ("conflicting", "content_share_substitute") not in found, "the only one has no substitutes"


def test_a_folder_without_mmsc_has_no_gates(tmp_path: Path) -> None:
    assert not figures(tmp_path, None)
