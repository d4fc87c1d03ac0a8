"""Bundle completion as a whole: learns a planted rule, ships what ranks better, and is the same after files."""

from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.errors import ModelInvalid
from tests.unit.training.bundles.worlds import QUICK, baskets, shop, vectors
from training.bundles import fit as fitting
from training.bundles.files import load_bundles, write_bundles
from training.bundles.fit import Choice, Fitted, fit_bundles
from training.bundles.lessons import NOTHING
from training.bundles.scorer import completers
from training.bundles.set_task import draw_cases
from training.bundles.trees import in_single_precision
from training.export.bundles import write_bundle_files


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fit_bundles(shop(), vectors(shop()), NOTHING, baskets(150), QUICK, tmp_path_factory.mktemp("bundles"))


def recall(fitted: Fitted, name: str) -> float:
    (scorer,) = (found for found in completers(fitted) if found.name == name)
    cases, hits = draw_cases(baskets(60, seed=9), 100, 0), 0
    for case, target in enumerate(cases.target):
        given = cases.given(case)
        scores = scorer.score(given)
        scores[given] = -np.inf
        hits += int(np.count_nonzero(scores > scores[target]) < 10)
    return hits / len(cases)


def test_what_goes_together_is_learned_by_set_encoder_and_trees(fitted: Fitted) -> None:
    assert fitted.summary["asked_about"] == "baskets"
    assert fitted.summary["ranked_by"] == "trees"
    assert recall(fitted, "cirp+trees") > 0.8, "by chance one in eight"
    assert recall(fitted, "cirp+set") > 0.3


def test_a_score_of_the_trees_is_how_likely_the_item_is_the_missing_one(fitted: Fitted) -> None:
    (scorer,) = (found for found in completers(fitted) if found.trees is not None)
    cases, said, true = draw_cases(baskets(60, seed=9), 150, 0), 0.0, 0
    for case, target in enumerate(cases.target):
        scores = scorer.score(cases.given(case))
        said += scores[scores > 0].sum()
        true += int(scores[target] > 0)
    assert 0.7 < said / true < 1.4, "as many as it says are right"


def test_a_model_read_from_its_files_answers_alike(fitted: Fitted, tmp_path: Path) -> None:
    (tmp_path / "fold-0").mkdir()
    write_bundles(tmp_path, fitted, shop().ids, QUICK, "inputs")
    again = load_bundles(tmp_path)
    assert not (tmp_path / "fold-0").exists()
    for one, other in zip(completers(fitted), completers(again), strict=True):
        assert np.array_equal(one.score([0, 17]), other.score([0, 17]))


def test_an_incomplete_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="no complete bundle completion"):
        load_bundles(tmp_path)


def test_trees_that_rank_no_better_are_not_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fitting, "compare", lambda *_: Choice(0.1, 0.2, (1.0, 0.0)))
    found = fit_bundles(shop(), vectors(shop()), NOTHING, baskets(60), QUICK, tmp_path)
    assert found.trees is None
    assert found.summary["ranked_by"] == "set"
    assert [scorer.name for scorer in completers(found)] == ["cirp+set"]


def test_curated_bundles_are_what_is_asked_about_where_there_are_enough(tmp_path: Path) -> None:
    curated = baskets(120, seed=3, timed=False)
    found = fit_bundles(shop(), vectors(shop()), curated, baskets(40), QUICK, tmp_path)
    assert found.summary["asked_about"] == "bundles"
    assert (found.summary["bundles"], found.summary["baskets"]) == (120, 40)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_with_next_to_nothing_to_learn_from_words_and_vectors_rank(tmp_path: Path, count: int) -> None:
    found = fit_bundles(shop(), vectors(shop()), NOTHING, baskets(count), QUICK, tmp_path)
    assert found.trees is None
    assert np.isfinite(completers(found)[0].score([0, 17])).all()


def test_a_shop_without_pictures_words_and_facets_still_completes(tmp_path: Path) -> None:
    bare = replace(shop(), titles=(None,) * 80, categories=((),) * 80, attributes=(), variant_of=(None,) * 80)
    nothing = {name: np.zeros_like(array) for name, array in vectors(shop()).items()}
    found = fit_bundles(bare, nothing, NOTHING, baskets(80), QUICK, tmp_path)
    assert np.isfinite(completers(found)[-1].score([0, 17])).all()
    assert write_bundle_files(found, bare.ids, tmp_path / "export")


def test_the_served_graphs_equal_the_set_encoder_and_the_trees(fitted: Fitted, tmp_path: Path) -> None:
    parity = write_bundle_files(fitted, shop().ids, tmp_path / "bundle")
    assert set(parity) == {"set_encoder", "bundle_trees"}
    assert max(parity.values()) < 1e-5


@given(st.integers(0, 1_000))
def test_thresholds_in_single_precision_decide_as_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, 3)).astype(np.float32)
    labels = (rows[:, 0] + 0.1 * rng.normal(size=200) > 0).astype(int)
    trees = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}, lightgbm.Dataset(rows, labels), 3)
    single = lightgbm.Booster(model_str=in_single_precision(trees.model_to_string()))
    assert np.array_equal(trees.predict(rows), single.predict(rows))
    thresholds = single.trees_to_dataframe().threshold.dropna().to_numpy()
    assert np.array_equal(thresholds, thresholds.astype(np.float32).astype(np.float64))
