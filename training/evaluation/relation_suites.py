"""Which pairs test substitutes and complements, slice by slice (models.md section 3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from goeswith.catalogue.graph import TYPE_OF
from goeswith.errors import DataContractError
from training.bundle_cases import BundleCases
from training.dataset import Bools, Ints, TrainingSet
from training.evaluation.cases import RelationCases
from training.evaluation.graph import adjacency, counted, head_degree, item_degrees, undirected, without
from training.evaluation.relation_protocol import NEGATIVES
from training.evaluation.world import World

FULL_CATALOGUE_CASES = 500


@dataclass(frozen=True, slots=True)
class Suite:
    """One slice of one relation type. ``strict``: the scorers must not know the tested pairs from the other relation either."""

    slice: str
    cases: RelationCases
    negatives: int | None = NEGATIVES
    strict: bool = False
    direction: bool = False
    """Judge which way each pair goes, instead of ranking."""
    parts: Mapping[str, Bools] = field(default_factory=dict)
    """Further slices: which of the same cases (M,) each holds."""


def relation_suites(world: World, kind: str, *, max_cases: int, seed: int) -> list[Suite]:
    """Return the slices of a type that this source allows; those without a case are left out."""
    found = [suite for suite in (*_held_out(world, kind, max_cases, seed), *_planted(world, kind)) if len(suite.cases)]
    if not found and kind == "complement":
        found = [Suite("held_baskets", basket_pairs(world.test_bundles, world.training))]
    if world.truth is None:
        found.append(Suite("cold", cold_edges(world, kind)))
    sampled = [replace(suite, cases=suite.cases.sample(max_cases, seed)) for suite in found]
    return [replace(suite, parts=parts_of(suite, world.training)) for suite in sampled if len(suite.cases)]


def parts_of(suite: Suite, training: TrainingSet) -> dict[str, Bools]:
    """Return what a slice is looked at by: known edges by how many the true item has, pairs of baskets by whether both are of one kind."""
    found: dict[str, Bools] = {}
    if suite.slice == "warm":
        degree = item_degrees(training.pairs, training.items)
        often = degree[suite.cases.dst] >= head_degree(degree)
        found = {"head": often, "tail": ~often}
    if suite.slice == "held_baskets":
        kinds = [path[-1] if path else "" for path in training.items.categories]
        apart = [bool(kinds[a] and kinds[b]) and kinds[a] != kinds[b] for a, b in zip(suite.cases.src, suite.cases.dst, strict=True)]
        found = {"other_kind": np.array(apart, dtype=bool)}
    return {name: mask for name, mask in found.items() if mask.any()}


def _held_out(world: World, kind: str, max_cases: int, seed: int) -> Iterator[Suite]:
    cases = held_out_edges(world, kind).sample(max_cases, seed)
    yield Suite("warm", cases)
    yield Suite("warm_strict", cases, strict=True)
    yield Suite("full_catalogue", cases.sample(FULL_CATALOGUE_CASES, seed), negatives=None)


def held_out_edges(world: World, kind: str) -> RelationCases:
    """Return the reserved edges of a type between known items.

    A pair that another relation still makes an edge of the same type is left out: it would be looked up, not found.
    Raises ``DataContractError`` where a reserved edge of a relation stands in the training pairs of that very relation.
    """
    training, at = world.training, world.training.index
    edges = [(r, at[a], at[b]) for r, a, b in world.test.edges if TYPE_OF[r] == kind and a in at and b in at]
    refuse_leaks(training, edges)
    size = len(training.items)
    direct = undirected(counted(training.pairs, kind, size))
    ends = np.array([(a, b) for _, a, b in edges], dtype=np.int64).reshape(-1, 2)
    kept = ends[np.array([direct[a, b] == 0 for a, b in ends], dtype=bool)]
    reserved = adjacency(kept[:, 0], kept[:, 1], np.ones(len(kept), np.float32), size)
    return RelationCases(kind, kept[:, 0], kept[:, 1], undirected(direct + reserved))


def refuse_leaks(training: TrainingSet, edges: list[tuple[str, int, int]]) -> None:
    """Raise ``DataContractError`` where a tested edge, in either direction, is among the training pairs of its relation."""
    pairs = training.pairs.of_relations(sorted({relation for relation, _, _ in edges}))
    known = set(zip(pairs.relations.tolist(), pairs.src.tolist(), pairs.dst.tolist(), strict=True))
    for relation, a, b in edges:
        if (relation, a, b) in known or (relation, b, a) in known:
            names = f"{training.items.ids[a]!r} and {training.items.ids[b]!r}"
            raise DataContractError(f"the tested {relation} edge between {names} stands in training", "run the DAG graph again with this holdout")


def strict_training_set(world: World, kind: str) -> TrainingSet:
    """Return the training set less the tested pairs of a type, taken out of both relations."""
    cases, training = held_out_edges(world, kind), world.training
    return TrainingSet(training.graph, training.items, without(training.pairs, cases.src, cases.dst, len(training.items)))


def cold_edges(world: World, kind: str) -> RelationCases:
    """Return the true edges, as the full graph has them, of items that have none in training."""
    training, full = world.training, world.full
    at, names = training.index, full.items.ids
    pairs = full.pairs.of_type(kind)
    ends = [(names[a], names[b]) for a, b in zip(pairs.src, pairs.dst, strict=True) if names[a] in world.test.items]
    known = np.array([(at[a], at[b]) for a, b in ends if a in at and b in at], dtype=np.int64).reshape(-1, 2)
    return _against_each_other(kind, known[:, 0], known[:, 1], len(training.items))


def basket_pairs(cases: BundleCases, training: TrainingSet) -> RelationCases:
    """Return the pairs of held-out baskets that training does not join yet, in both directions, each once."""
    size = len(training.items)
    joined = undirected(counted(training.pairs, "complement", size))
    pairs = sorted({(a, b) for unit in cases.units for a in unit for b in unit if a != b})
    ends = np.array([pair for pair in pairs if joined[pair] == 0], dtype=np.int64).reshape(-1, 2)
    together = adjacency(ends[:, 0], ends[:, 1], np.ones(len(ends), np.float32), size)
    return RelationCases("complement", ends[:, 0], ends[:, 1], undirected(joined + together))


def _planted(world: World, kind: str) -> Iterator[Suite]:
    """Yield the slices of planted truth. What the truth does not join may stand as a negative, noise edges included."""
    if world.truth is None:
        return
    training, (src, dst) = world.training, world.truth.pairs[kind]
    size = len(training.items)
    every = _against_each_other(kind, src, dst, size)
    direct = _present(undirected(counted(training.pairs, kind, size)), src, dst)
    cold = item_degrees(training.pairs, training.items)[src] == 0
    yield Suite("planted", RelationCases(kind, src[~direct & ~cold], dst[~direct & ~cold], every.known))
    yield Suite("planted_all", every)
    yield Suite("cold", RelationCases(kind, src[cold], dst[cold], every.known))
    if kind == "complement":
        one_way = ~_present(adjacency(dst, src, np.ones(len(src), np.float32), size), src, dst)
        yield Suite("direction", RelationCases(kind, src[one_way], dst[one_way], every.known), direction=True)


def _present(matrix: sp.csr_matrix, src: Ints, dst: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.asarray(matrix[src, dst]).ravel() > 0
    return found


def _against_each_other(kind: str, src: Ints, dst: Ints, size: int) -> RelationCases:
    return RelationCases(kind, src, dst, adjacency(src, dst, np.ones(len(src), np.float32), size))
