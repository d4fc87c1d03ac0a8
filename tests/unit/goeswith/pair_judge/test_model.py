"""The learned judge's folder: loaded only where it is whole, and its answers symmetric where they must be."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ModelInvalid
from goeswith.pair_judge.features import VERSION, Shape
from goeswith.pair_judge.model import RECIPE, WEIGHTS, PairModel, Recipe, combine, load_model, write_model
from tests.unit.goeswith.pair_judge.test_features import PEN, REFILL

SHAPE = Shape(1, 2, 8)
logits = arrays(np.float64, (3, 3), elements=st.floats(-1e4, 1e4))


def recipe(**changed: object) -> Recipe:
    said = {"kind": "supervised", "teacher": "people.tsv", "features": VERSION, "classes": LABELS, "ngrams": (1, 2), "bits": 8}
    numbers = {"temperature": 1.5, "abstain_below": 0.6, "pairs": 10, "weights": ""}
    return Recipe.model_validate({**said, **numbers, **changed})


def written(folder: Path, **changed: object) -> PairModel:
    weights = np.random.default_rng(0).normal(size=(SHAPE.width, 3)).astype(np.float32)
    return write_model(folder, recipe(**changed), weights)


def test_a_folder_gives_back_the_model_that_was_written(tmp_path: Path) -> None:
    there, back = written(tmp_path), load_model(tmp_path)
    assert back.revision == there.revision
    assert np.array_equal(back.ask([(PEN, REFILL)]).chances, there.ask([(PEN, REFILL)]).chances)
    assert back.ask([]).chances.shape == (0, 3)


def test_another_threshold_or_other_weights_are_another_revision(tmp_path: Path) -> None:
    first = written(tmp_path).revision
    assert written(tmp_path, abstain_below=0.7).revision != first
    assert write_model(tmp_path, recipe(), np.zeros((SHAPE.width, 3), np.float32)).revision != first


@pytest.mark.parametrize("name", [RECIPE, WEIGHTS])
def test_a_folder_that_lacks_a_file_is_refused_with_the_job_that_writes_it(tmp_path: Path, name: str) -> None:
    written(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelInvalid, match="no learned judge") as refused:
        load_model(tmp_path)
    assert "goeswith job train_judge" in refused.value.remedy


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    written(tmp_path)
    damaged = bytearray((tmp_path / WEIGHTS).read_bytes())
    damaged[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(damaged)
    with pytest.raises(ModelInvalid, match="not the file"):
        load_model(tmp_path)


@pytest.mark.parametrize(("changed", "why"), [({"features": "pairs-0"}, "pairs-0"), ({"bits": 9}, "its recipe asks for")])
def test_a_model_of_other_features_is_refused(tmp_path: Path, changed: dict[str, object], why: str) -> None:
    written(tmp_path, **changed)
    with pytest.raises(ModelInvalid, match=why):
        load_model(tmp_path)


def test_a_recipe_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / RECIPE).write_text((tmp_path / RECIPE).read_text().replace('"bits"', '"bitz"'))
    with pytest.raises(ModelInvalid, match="bitz"):
        load_model(tmp_path)


@given(logits, logits, st.floats(0.1, 10))
def test_substitutes_are_symmetric_complements_need_not_be_and_all_sums_to_one(there: np.ndarray, back: np.ndarray, temperature: float) -> None:
    asked, turned = combine(there, back, temperature), combine(back, there, temperature)
    assert np.allclose(asked.chances.sum(axis=1), 1)
    assert ((asked.chances >= 0) & (asked.chances <= 1)).all()
    assert np.array_equal(asked.chances[:, 0], turned.chances[:, 0])
    assert np.array_equal(asked.confidence, turned.confidence)


def test_a_complement_has_a_direction() -> None:
    there, back = np.array([[0.0, 2.0, 0.0]]), np.array([[0.0, 0.0, 2.0]])
    asked, turned = combine(there, back, 1.0), combine(back, there, 1.0)
    assert asked.chances[0, 1] > 0.5 > turned.chances[0, 1]
    assert math.isclose(asked.chances[0, 1], turned.chances[0, 2])


def test_a_higher_temperature_is_less_sure_of_the_same_label() -> None:
    logits = np.array([[3.0, 1.0, 0.0]])
    sure, unsure = combine(logits, logits, 1.0), combine(logits, logits, 3.0)
    assert sure.confidence[0] > unsure.confidence[0]
    assert sure.chances.argmax() == unsure.chances.argmax() == 0
