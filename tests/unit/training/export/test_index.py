"""The index of a large catalogue: it finds what an exact search finds, within filters too, and is refused where it does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from goeswith.errors import ModelInvalid
from model_repository import search as served
from model_repository.search import Index, Search, load_index
from training.dataset import Floats
from training.export import index as exported

COUNT, WIDTH = 4_000, 32


@pytest.fixture(scope="module")
def vectors() -> Floats:
    """Return unit vectors that lie in a hundred heaps, as those of a catalogue do."""
    rng = np.random.default_rng(0)
    heaps = rng.standard_normal((100, WIDTH), dtype=np.float32)
    found: Floats = heaps[rng.integers(0, 100, COUNT)] + 0.5 * rng.standard_normal((COUNT, WIDTH), dtype=np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thousand vectors be many."""
    monkeypatch.setattr(served, "EXACT_UP_TO", 1_000)
    monkeypatch.setattr(exported, "EXACT_UP_TO", 1_000)


@pytest.mark.usefixtures("small")
def test_an_index_is_written_beside_the_vectors_with_its_recall_and_loads_again(vectors: Floats, tmp_path: Path) -> None:
    recall = exported.write_index(vectors, tmp_path, "substitute")
    assert recall is not None
    assert recall >= exported.LEAST_RECALL
    said = json.loads((tmp_path / "substitute.json").read_text(encoding="utf-8"))
    assert said["recall_at_20"] == recall
    indexed, exact = Search(vectors, load_index(tmp_path, "substitute")), Search(vectors)
    hits = []
    for query in vectors[:200]:
        (found, scores), (wanted, best) = indexed.best(query, None, 20), exact.best(query, None, 20)
        hits.append(np.isin(wanted, found).mean())
        assert (np.diff(scores) <= 0).all()
        np.testing.assert_allclose(scores, vectors[found] @ query, rtol=1e-6)
        assert scores[0] == pytest.approx(best[0])
    assert np.mean(hits) >= exported.LEAST_RECALL


@pytest.mark.usefixtures("small")
def test_a_filter_holds_inside_the_search_of_the_index(vectors: Floats) -> None:
    search, even = Search(vectors, Index(exported.build_index(vectors, 0), 64)), np.arange(0, COUNT, 2)
    found, _ = search.best(vectors[1], even, 20)
    assert len(found) == 20
    assert (found % 2 == 0).all()
    wanted, _ = Search(vectors).best(vectors[1], even, 20)
    assert np.isin(wanted, found).mean() >= 0.9


@pytest.mark.usefixtures("small")
def test_what_a_narrow_filter_leaves_is_searched_exactly(vectors: Floats) -> None:
    class Unasked:
        def search(self, *_: object, **__: object) -> None:
            raise AssertionError("the index was asked")

    narrow = np.arange(0, COUNT, 8)
    found, scores = Search(vectors, Index(Unasked(), 1)).best(vectors[1], narrow, 5)
    wanted = narrow[np.argsort(-(vectors[narrow] @ vectors[1]))[:5]]
    assert found.tolist() == wanted.tolist()
    assert len(scores) == 5


def test_a_small_catalogue_has_no_index(vectors: Floats, tmp_path: Path) -> None:
    assert exported.write_index(vectors, tmp_path, "substitute") is None
    assert not list(tmp_path.iterdir())
    assert load_index(tmp_path, "substitute") is None


@pytest.mark.usefixtures("small")
def test_where_vectors_lie_in_no_heaps_the_index_looks_everywhere(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal((COUNT, 64), dtype=np.float32)
    recall = exported.write_index(noise / np.linalg.norm(noise, axis=1, keepdims=True), tmp_path, "substitute")
    said = json.loads((tmp_path / "substitute.json").read_text(encoding="utf-8"))
    assert recall is not None
    assert recall >= exported.LEAST_RECALL
    assert said["probes"] > 64


@pytest.mark.usefixtures("small")
def test_an_index_that_finds_too_little_is_refused_with_the_number(vectors: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "LEAST_RECALL", 1.1)
    with pytest.raises(ModelInvalid, match=r"the index finds [01]\.\d+ of the 20 nearest items, at least 1\.1"):
        exported.write_index(vectors, tmp_path, "substitute")
