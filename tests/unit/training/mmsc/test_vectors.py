"""Vectors of all items, cold ones among them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from goeswith.profile import Profile
from tests.unit.training.mmsc.tiny import SMALL, pairs_of, small, tiny_data, tiny_tokens
from training.mmsc.graph import build_graph
from training.mmsc.model import Behaviour, Mmsc
from training.mmsc.recipe import KINDS
from training.mmsc.start import start_features
from training.mmsc.stored import SOURCES, load_vectors, store_vectors, write_vectors
from training.mmsc.vectors import encode_items, lend_behaviour, nearest_mean


def unit(*degrees: float) -> torch.Tensor:
    angle = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def test_a_cold_item_gets_the_mean_of_its_nearest_warm_items() -> None:
    content, p = unit(0, 10, 20, 80, 5), torch.arange(10.0).view(5, 2)
    warm = torch.tensor([True, True, False, True, False])
    lent, near = nearest_mean(content, p, warm, torch.tensor([4]), small(cold_neighbours=2, cold_closeness=0.9))
    assert near.tolist() == [True]
    assert torch.allclose(lent[0], (p[0] + p[1]) / 2)


def test_nothing_is_lent_where_no_warm_item_is_close_enough() -> None:
    lent, near = nearest_mean(unit(0, 90), torch.ones(2, 2), torch.tensor([True, False]), torch.tensor([1]), small(cold_closeness=0.5))
    assert near.tolist() == [False]
    assert torch.equal(lent, torch.zeros(1, 2))


def test_an_item_shown_as_cold_never_lends_to_itself() -> None:
    content, p = unit(0, 1), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    own = Behaviour(dict.fromkeys(KINDS, p), dict.fromkeys(KINDS, torch.tensor([True, True])))
    found = lend_behaviour(content, own, small(cold_neighbours=1), only=torch.arange(2))
    assert torch.equal(found.p["substitute"], p.flip(0))


def test_items_that_look_alike_lend_together_however_their_cosines_round() -> None:
    content = torch.nn.functional.normalize(torch.ones(6, 4) + 1e-7 * torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), dim=1)
    p = torch.arange(12, dtype=torch.float32).view(6, 2)
    warm = torch.tensor([True] * 5 + [False])
    lent, near = nearest_mean(content, p, warm, torch.tensor([5]), small(cold_neighbours=2))
    assert near.tolist() == [True]
    torch.testing.assert_close(lent[0], p[:5].mean(0))


def test_no_relation_at_all_leaves_content_alone_and_says_so(profile: Profile) -> None:
    data = tiny_data(profile)
    tokens, graph = tiny_tokens(data.items), build_graph(pairs_of(), 60)
    model = Mmsc(SMALL, tokens.sizes, start_features(graph, SMALL.item_width, 1)).eval()
    stored = store_vectors(encode_items(model, tokens, graph, SMALL), tokens)
    for kind in KINDS:
        assert {SOURCES[s] for s in stored.sources(kind)} == {"content"}
    assert np.allclose(np.linalg.norm(stored.tensors["substitute"], axis=1), 1, atol=1e-5)


def test_what_the_gates_let_through_is_kept_with_the_vectors(profile: Profile) -> None:
    data = tiny_data(profile)
    tokens, graph = tiny_tokens(data.items), build_graph(pairs_of((0, 1, "s"), (1, 0, "s")), 60)
    model = Mmsc(SMALL, tokens.sizes, start_features(graph, SMALL.item_width, 1)).eval()
    found = store_vectors(encode_items(model, tokens, graph, small(cold_closeness=1.0)), tokens).tensors
    assert np.allclose(found["attention_text"] + found["attention_image"], 1, atol=1e-6)
    assert np.allclose(found["content_share_complement"], 1), "no item has any"
    assert (found["content_share_substitute"][:2] < 1).all()
    assert np.allclose(found["content_share_substitute"][5:], 1)


def test_an_item_without_edges_among_warm_ones_borrows_behaviour(profile: Profile, tmp_path: Path) -> None:
    data = tiny_data(profile)
    tokens = tiny_tokens(data.items)
    without_first = data.pairs.where((data.pairs.src != 0) & (data.pairs.dst != 0))
    graph = build_graph(without_first, 60)
    torch.manual_seed(0)
    model = Mmsc(SMALL, tokens.sizes, start_features(graph, SMALL.item_width, 1)).eval()
    stored = store_vectors(encode_items(model, tokens, graph, SMALL), tokens)
    assert SOURCES[stored.sources("complement")[0]] == "cold_start"
    assert {SOURCES[s] for s in stored.sources("complement")[2:]} == {"behaviour"}
    write_vectors(tmp_path / "vectors.safetensors", stored)
    again = load_vectors(tmp_path / "vectors.safetensors")
    assert all(np.array_equal(again.tensors[name], value) for name, value in stored.tensors.items())


def test_features_of_neighbours_start_nearer_than_those_of_strangers(profile: Profile) -> None:
    data = tiny_data(profile)
    x = torch.nn.functional.normalize(start_features(build_graph(data.pairs, 60), 16, 1), dim=1)
    joined = (x[data.pairs.src] * x[data.pairs.dst]).sum(1).mean()
    assert float(joined) > float((x @ x.T).mean()) + 0.3


@pytest.mark.parametrize("width", [4, 100])
def test_start_features_have_the_asked_width_whatever_the_graph(width: int) -> None:
    assert start_features(build_graph(pairs_of((0, 1, "s")), 5), width, 1).shape == (5, width)
