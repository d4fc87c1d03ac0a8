"""The protocols give the figures that were measured before, by other code, on the same real data."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from goeswith.profile import PROJECT_ROOT
from tests.unit.training.evaluation.small_worlds import make_items, make_pairs, make_set
from training.bundle_cases import leave_one_out
from training.dataset import Ints, TrainingSet
from training.evaluation.baselines.content import content
from training.evaluation.baselines.simple import adamic_adar, simple_baselines
from training.evaluation.bundle_protocol import rank_bundles
from training.evaluation.cases import RelationCases
from training.evaluation.graph import adjacency, undirected
from training.evaluation.metrics import gains, hits
from training.evaluation.ranker import RelationRanker
from training.evaluation.relation_protocol import rank_relations

DATA = PROJECT_ROOT.parent / "shared" / "data"

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def folder_of(name: str) -> Path:
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"{path} is missing: this test reads real data")
    return path


def read_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))[1:]


def test_tfidf_completes_bundlerec_clothing_with_recall_394_at_20() -> None:
    folder = folder_of("bundlerec/clothing")
    members = defaultdict(list)
    for bundle, item in read_rows(folder / "bundle_item.csv"):
        members[bundle].append(item)
    at = {item: k for k, item in enumerate(sorted({item for unit in members.values() for item in unit}))}
    titles = {row[0]: row[1] for row in read_rows(folder / "item_titles.csv") if len(row) > 1}
    training = make_set(len(at), titles=[titles.get(item) for item in at])
    units = [[at[item] for item in unit] for unit in members.values()]
    cases = leave_one_out(units, np.full(len(units), np.datetime64("NaT", "us")), max_cases=10_000, seed=0)
    tfidf = next(ranker for ranker in simple_baselines(training) if ranker.name == "tfidf")
    ranks = rank_bundles(tfidf.for_bundles(), cases, training, np.full(len(at), np.datetime64(0, "us"))).all
    assert hits(ranks, 20).mean() == pytest.approx(0.394, abs=0.002)


def read_lines(folder: Path, name: str) -> list[str]:
    return gzip.decompress((folder / f"{name}.txt.gz").read_bytes()).decode().split("\n")


def read_edges(folder: Path, name: str, products: dict[str, int]) -> tuple[Ints, Ints]:
    related = [products.get(asin, -1) for asin in read_lines(folder, "related_product")]
    found = [(a, related[int(k)]) for a, line in enumerate(read_lines(folder, name)[: len(products)]) for k in line.split()]
    ends = np.array([(a, b) for a, b in found if b >= 0 and a != b], dtype=np.int64)
    return np.concatenate([ends[:, 0], ends[:, 1]]), np.concatenate([ends[:, 1], ends[:, 0]])


def hold_out(src: Ints, dst: Ints, size: int) -> tuple[Ints, Ints]:
    """Return one edge of each item with five or more, every item used once."""
    rng = np.random.default_rng(0)
    graph = undirected(adjacency(src, dst, np.ones(len(src), np.float32), size))
    used: set[int] = set()
    tested: list[tuple[int, int]] = []
    for item in rng.permutation(size).tolist():
        neighbours = graph.indices[graph.indptr[item] : graph.indptr[item + 1]].tolist()
        free = [other for other in neighbours if other not in used]
        if item not in used and len(neighbours) >= 5 and free:
            tested.append((item, int(rng.choice(free))))
            used |= set(tested[-1])
    ends = np.array(tested)
    return ends[:, 0], ends[:, 1]


@pytest.mark.parametrize(
    ("name", "kind", "near", "by_content"), [("also_viewed_p_p", "substitute", 0.769, 0.254), ("also_bought_p_p", "complement", 0.561, 0.167)]
)
def test_amazon_beauty_gives_the_published_adamic_adar_and_content(name: str, kind: str, near: float, by_content: float) -> None:
    folder = folder_of("amazon2014_relations/Beauty")
    products = {asin: k for k, asin in enumerate(line for line in read_lines(folder, "product") if line)}
    size = len(products)
    labels = [tuple(line.split()) for line in read_lines(folder, "category_p_c")[:size]]
    brands = [line.split()[0] if line.split() else None for line in read_lines(folder, "brand_p_b")[:size]]
    src, dst = read_edges(folder, name, products)
    tested = hold_out(src, dst, size)
    gone = np.isin(src * size + dst, np.concatenate([tested[0] * size + tested[1], tested[1] * size + tested[0]]))
    left = make_pairs([(a, b, kind) for a, b in zip(src[~gone].tolist(), dst[~gone].tolist(), strict=True)])
    training = TrainingSet("evaluation", make_items([None] * size, brands=brands, categories=labels), left)
    cases = RelationCases(kind, *tested, undirected(adjacency(src, dst, np.ones(len(src), np.float32), size))).sample(2_000, 0)
    for similarity, published in ((adamic_adar(training, kind), near), (content(training.items), by_content)):
        ranks = rank_relations(RelationRanker("x", similarity, similarity), cases, negatives=1_000, seed=0)
        assert gains(ranks, 10).mean() == pytest.approx(published, abs=0.03)
