"""What a trained MMSC must do on a shop whose truth is known."""

from pathlib import Path

import numpy as np
import pytest

from goeswith.profile import load_profile
from tests.unit.training.mmsc.tiny import small, tiny_data, tiny_tokens
from training.dataset import Pairs, TrainingSet
from training.mmsc.fit import Fitted, fit_mmsc


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    return tiny_data(load_profile(overrides={"home": tmp_path_factory.mktemp("lake")}))


def hold_out(pairs: Pairs, data: TrainingSet) -> np.ndarray:
    """Mark the complement edges from each red and blue cell's first item to its partner's second, and their way back."""
    ids = data.items.ids
    ends = [(ids[s], ids[d]) for s, d in zip(pairs.src, pairs.dst, strict=True)]
    held = [a.split("-")[1] in ("red", "blue") and a.endswith("-0") and b.endswith("-1") for a, b in ends]
    return np.asarray(np.array(held) & (pairs.types == "complement"))


@pytest.fixture(scope="module")
def fitted(data: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    kept = TrainingSet(data.graph, data.items, data.pairs.where(~hold_out(data.pairs, data)))
    return fit_mmsc(kept, tiny_tokens(data.items), small(epochs=25), tmp_path_factory.mktemp("model"), inputs={})


def rank_of(fitted: Fitted, kind: str, src: int, dst: int) -> int:
    everyone = np.arange(60)[None, :]
    scores = fitted.vectors.cosines(kind, np.array([src]), everyone)[0, :, 0]
    scores[src] = -2
    return int((scores > scores[dst]).sum())


def test_held_out_complements_are_found(fitted: Fitted, data: TrainingSet) -> None:
    held = data.pairs.where(hold_out(data.pairs, data))
    assert len(held) == 6
    ranks = [rank_of(fitted, "complement", int(s), int(d)) for s, d in zip(held.src, held.dst, strict=True)]
    assert np.mean(ranks) < 4


def test_complements_know_their_direction(fitted: Fitted, data: TrainingSet) -> None:
    pairs = data.pairs.of_type("complement")
    there = fitted.vectors.cosines("complement", pairs.src, pairs.dst[:, None])[:, 0, 0]
    back = fitted.vectors.cosines("complement", pairs.dst, pairs.src[:, None])[:, 0, 0]
    assert float((there > back).mean()) > 0.9


def test_substitutes_are_found_and_the_same_both_ways(fitted: Fitted, data: TrainingSet) -> None:
    pairs = data.pairs.of_type("substitute")
    assert np.mean([rank_of(fitted, "substitute", int(s), int(d)) for s, d in zip(pairs.src, pairs.dst, strict=True)]) < 2
    there = fitted.vectors.cosines("substitute", pairs.src, pairs.dst[:, None])
    assert np.allclose(there, fitted.vectors.cosines("substitute", pairs.dst, pairs.src[:, None]))


def test_a_new_item_finds_complements_through_the_items_most_like_it(data: TrainingSet, tmp_path: Path) -> None:
    new = data.index["racket-green-0"]
    known = TrainingSet(data.graph, data.items, data.pairs.where((data.pairs.src != new) & (data.pairs.dst != new)))
    fitted = fit_mmsc(known, tiny_tokens(data.items), small(epochs=25), tmp_path, inputs={})
    assert int(fitted.vectors.sources("complement")[new]) == 1
    nearest = {data.items.ids[i] for i in fitted.vectors.nearest("complement", np.array([new]), 3)[0]}
    assert nearest & {"balls-green-0", "balls-green-1"}
