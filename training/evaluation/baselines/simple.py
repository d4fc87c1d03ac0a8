"""The baselines without a fit: random, popularity, words, content, and heuristics on the graph."""

from collections.abc import Iterator

from training.dataset import TrainingSet
from training.evaluation.baselines.content import content
from training.evaluation.graph import KINDS, counted, degrees, undirected
from training.evaluation.ranker import RelationRanker
from training.evaluation.similarity import CommonNeighbours, Constant, Edges, Mix, Noise, Similarity, SparseDot
from training.words import tfidf, title_words

CONTENT_WEIGHT = 0.5
"""What content adds to Adamic-Adar, as in the published figures of models.md section 3."""


def simple_baselines(training: TrainingSet) -> list[RelationRanker]:
    """Return every baseline that this training set allows: without words no TF-IDF, without pairs no heuristic."""
    size = len(training.items)
    near_content = content(training.items)
    found = [_same("random", Noise(size)), _same("content", near_content), *_word_baselines(training)]
    if len(training.pairs):
        found += _graph_baselines(training, near_content)
    return found


def _same(name: str, similarity: Similarity) -> RelationRanker:
    return RelationRanker(name, similarity, similarity)


def _word_baselines(training: TrainingSet) -> Iterator[RelationRanker]:
    for name, words in (("tfidf", title_words(training.items)), ("tfidf-text", tfidf(training.items.texts()))):
        if words is not None:
            yield _same(name, SparseDot.of(words))


def _graph_baselines(training: TrainingSet, near_content: Similarity) -> list[RelationRanker]:
    size = len(training.items)
    direct = {kind: counted(training.pairs, kind, size) for kind in KINDS}
    shared = {kind: adamic_adar(training, kind) for kind in KINDS}
    mixed = {kind: Mix(((shared[kind], 1.0), (near_content, CONTENT_WEIGHT))) for kind in KINDS}
    popular = {kind: Constant(degrees(undirected(direct[kind]))) for kind in KINDS}
    return [
        RelationRanker("popularity", popular["substitute"], popular["complement"]),
        RelationRanker("co-counts", Edges(direct["substitute"]), Edges(direct["complement"])),
        RelationRanker("adamic-adar", shared["substitute"], shared["complement"]),
        RelationRanker("adamic-adar+content", mixed["substitute"], mixed["complement"]),
    ]


def adamic_adar(training: TrainingSet, kind: str) -> CommonNeighbours:
    """Return common neighbours within one relation, by 1 / log(degree + 2)."""
    joined = undirected(counted(training.pairs, kind, len(training.items)))
    return CommonNeighbours.of(joined, joined, degrees(joined))
