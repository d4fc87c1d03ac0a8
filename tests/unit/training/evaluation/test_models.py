"""Trained vectors as scorers."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from goeswith.errors import DataContractError
from goeswith.results import write_json
from tests.unit.training.evaluation.small_worlds import make_set
from training.bundle_cases import leave_one_out
from training.dataset import Floats
from training.evaluation.bundle_protocol import rank_bundles
from training.evaluation.models import encoder_ranker, mixed_with_words, read_vectors, unit
from training.evaluation.ranker import BundleRanker
from training.evaluation.similarity import DenseDot


def write_vectors(folder: Path, ids: tuple[str, ...], feature: Floats) -> None:
    write_json(folder / "items.json", list(ids))
    save_file({"feature": feature}, folder / "vectors.safetensors")


def test_vectors_are_read_for_the_items_of_the_training_set(tmp_path: Path) -> None:
    training = make_set(3)
    write_vectors(tmp_path, training.items.ids, np.eye(3, dtype=np.float32))
    assert read_vectors(tmp_path, training)["feature"].tolist() == np.eye(3).tolist()


def test_vectors_of_other_items_are_refused(tmp_path: Path) -> None:
    write_vectors(tmp_path, ("i00", "x"), np.eye(2, dtype=np.float32))
    with pytest.raises(DataContractError, match="other items"):
        read_vectors(tmp_path, make_set(2))


def test_bundles_are_completed_by_the_mean_dot_product() -> None:
    features = np.array([[1, 0], [0, 2], [1, 1]], dtype=np.float32)
    assert encoder_ranker("cirp", features).for_bundles().score([0, 1]).tolist() == [0.5, 2, 1.5]


@pytest.mark.parametrize("words_know", [True, False])
def test_the_mix_takes_the_share_that_validation_prefers(words_know: bool) -> None:
    size = 40
    rng = np.random.default_rng(0)
    rule = np.repeat(np.eye(20, dtype=np.float32), 2, axis=0)
    noise = unit(rng.normal(size=(size, 20)).astype(np.float32))
    features, words = (noise, rule) if words_know else (rule, noise)
    cases = leave_one_out([[2 * g, 2 * g + 1] for g in range(20)], np.full(20, np.datetime64("NaT", "us")), max_cases=100, seed=0)
    always = np.full(size, np.datetime64(0, "us"))
    chosen = mixed_with_words("cirp+tfidf", features, DenseDot(words, words), cases, make_set(size), always)
    assert (rank_bundles(chosen, cases, make_set(size), always).all == 0).all()
    assert (rank_bundles(BundleRanker("noise", DenseDot(noise, noise)), cases, make_set(size), always).all > 0).any()


def test_rows_of_length_one() -> None:
    assert np.linalg.norm(unit(np.array([[3, 4], [0, 0]], np.float32)), axis=1).tolist() == pytest.approx([1, 0])
