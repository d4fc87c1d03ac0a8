"""Walks: what they may visit, and what they never do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.mmsc.tiny import pairs_of
from training.mmsc.graph import FOREVER, NOBODY, Queries, RelationGraph, build_csr, build_graph, sample_walks

PATHS = ("c", "s", "cc", "cs", "sc", "ss", "scs", "sss")
Edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from("sc")).filter(lambda e: e[0] != e[1]), max_size=25)


def walk(graph: RelationGraph, nodes: torch.Tensor, partners: torch.Tensor, seed: int = 0) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    queries = Queries(nodes, partners, torch.full_like(nodes, FOREVER))
    return sample_walks(graph, PATHS, queries, 6, torch.Generator().manual_seed(seed))


@settings(max_examples=60, deadline=None)
@given(edges=Edges, seed=st.integers(0, 100))
def test_every_hop_of_a_walk_is_an_edge_and_none_returns_to_the_query(edges: list[tuple[int, int, str]], seed: int) -> None:
    graph, nodes = build_graph(pairs_of(*edges), 8), torch.arange(8)
    known = {(a, b, k) for a, b, k in edges} | {(b, a, k) for a, b, k in edges}
    walks = walk(graph, nodes, torch.full_like(nodes, NOBODY), seed)
    for path, (node, real) in walks.items():
        assert node.shape == (8, 6, len(path))
        for query, f in real.nonzero().tolist():
            visited = [query, *node[query, f].tolist()]
            assert all(hop in known for hop in zip(visited, visited[1:], path, strict=False))
            assert query not in visited[1:]


@settings(max_examples=30, deadline=None)
@given(edges=Edges)
def test_no_walk_takes_the_edge_of_the_pair_that_a_loss_asks_about(edges: list[tuple[int, int, str]]) -> None:
    graph, nodes = build_graph(pairs_of(*edges), 8), torch.arange(8)
    partners = (nodes + 1) % 8
    walks = walk(graph, nodes, partners)
    for path in ("s", "c"):
        node, real = walks[path]
        assert not bool((real & (node[..., 0] == partners[:, None])).any())


def test_a_node_of_few_neighbours_sees_all_of_them() -> None:
    graph = build_graph(pairs_of((0, 1, "s"), (0, 2, "s"), (0, 3, "s")), 4)
    node, real = walk(graph, torch.tensor([0]), torch.tensor([NOBODY]))["s"]
    assert bool(real.all())
    assert set(node.flatten().tolist()) == {1, 2, 3}


def test_heavy_edges_are_walked_more_often() -> None:
    csr = build_csr(np.array([0, 0]), np.array([1, 2]), np.array([0.9, 0.1], dtype=np.float32), np.zeros(2, np.int64), 3)
    draw = torch.rand(2000, generator=torch.Generator().manual_seed(1))
    node, _ = csr.step(torch.zeros(2000, dtype=torch.long), draw, torch.full((2000,), NOBODY), torch.full((2000,), FOREVER))
    assert float((node == 1).float().mean()) == pytest.approx(0.9, abs=0.03)


@settings(max_examples=60, deadline=None)
@given(edges=Edges, data=st.data())
def test_no_walk_takes_an_edge_that_became_known_on_the_day_of_its_query_or_later(edges: list[tuple[int, int, str]], data: st.DataObject) -> None:
    days = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(edges), max_size=len(edges))), dtype=np.int64)
    before = torch.tensor(data.draw(st.lists(st.integers(0, 10), min_size=8, max_size=8)))
    since: dict[tuple[int, int, str], int] = {}
    for (a, b, letter), day in zip(edges, days.tolist(), strict=True):
        for way in ((a, b, letter), (b, a, letter)):
            since[way] = min(day, since.get(way, day))
    queries = Queries(torch.arange(8), torch.full((8,), NOBODY), before)
    walks = sample_walks(build_graph(replace(pairs_of(*edges), days=days), 8), PATHS, queries, 6, torch.Generator().manual_seed(0))
    for path, (node, real) in walks.items():
        for query, f in real.nonzero().tolist():
            visited = [query, *node[query, f].tolist()]
            assert all(since[hop] < before[query] for hop in zip(visited, visited[1:], path, strict=False))
    for query in range(8):
        known = any(a == query and letter == "c" and day < before[query] for (a, _, letter), day in since.items())
        assert bool(walks["c"][1][query].any()) == known


def test_what_decay_and_season_leave_of_an_edge_is_how_often_it_is_walked() -> None:
    pairs = replace(pairs_of((0, 1, "s"), (0, 2, "s")), freshness=np.array([0.9, 0.1], dtype=np.float32))
    queries = Queries.of(torch.zeros(300, dtype=torch.long))
    node, _ = sample_walks(build_graph(pairs, 3, fresh=True), ["s"], queries, 10, torch.Generator().manual_seed(1))["s"]
    assert float((node == 1).float().mean()) == pytest.approx(0.9, abs=0.03)


def test_items_of_near_content_are_a_structure_of_their_own() -> None:
    graph = build_graph(pairs_of((1, 2, "c")), 3, alike=pairs_of((0, 1, "s")))
    walks = sample_walks(graph, ["a", "c", "s", "ac"], Queries.of(torch.arange(3)), 4, torch.Generator().manual_seed(0))
    assert walks["ac"][1].all(1).tolist() == [True, False, False], "what goes with an item like the first"
    assert walks["ac"][0][0].tolist() == [[1, 2]] * 4
    assert not walks["s"][1].any()


def test_an_item_in_no_relation_and_a_relation_without_edges_have_no_walks() -> None:
    walks = walk(build_graph(pairs_of((0, 1, "s")), 3), torch.arange(3), torch.full((3,), NOBODY))
    assert not any(bool(real[2].any()) for _, real in walks.values())
    assert not bool(walks["c"][1].any())
    assert bool(walks["s"][1][0].all())


def test_the_second_view_drops_both_directions_of_an_edge() -> None:
    pairs = pairs_of(*[(i, j, "c") for i in range(20) for j in range(20) if i != j])
    view = build_graph(pairs, 20).without(0.2, torch.Generator().manual_seed(3)).relations["c"]
    rows = torch.repeat_interleave(torch.arange(20), view.indptr.diff())
    kept = set(zip(rows.tolist(), view.indices.tolist(), strict=True))
    assert kept == {(j, i) for i, j in kept}
    assert len(kept) / 380 == pytest.approx(0.8, abs=0.1)
