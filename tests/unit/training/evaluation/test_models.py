"""Trained vectors as scorers."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from goeswith.errors import DataContractError
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from tests.tiny_shop import RUN
from tests.unit.training.evaluation.small_worlds import make_set
from tests.unit.training.mmsc.tiny import tiny_data, write_tiny_cirp
from training.bundle_cases import leave_one_out
from training.dataset import Floats, TrainingSet
from training.evaluation.bundle_protocol import rank_bundles
from training.evaluation.models import encoder_ranker, mixed_with_words, read_vectors, retrained, unit
from training.evaluation.ranker import BundleRanker
from training.evaluation.similarity import DenseDot
from training.jobs import train_mmsc

TINY = {"width": 24, "item_width": 16, "pool": 32, "batch": 64, "epochs": 1, "fanout": 4}


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


def test_mmsc_trained_anew_knows_nothing_of_the_pairs_that_were_taken_out(profile: Profile) -> None:
    data = tiny_data(profile, "evaluation")
    models = profile.models / RUN / "evaluation"
    write_tiny_cirp(profile, data.items, "evaluation")
    train_mmsc.run(JobRun(profile=profile, run_id=RUN, params={"graph": "evaluation", "overrides": TINY}))
    without = TrainingSet(data.graph, data.items, data.pairs.of_type("complement"))
    again = retrained(models, without, strict=True)
    assert set(again.vectors.sources("substitute").tolist()) == {0}, "a task without edges answers by content"
    assert set(retrained(models, data, strict=True).vectors.sources("substitute").tolist()) == {2}
