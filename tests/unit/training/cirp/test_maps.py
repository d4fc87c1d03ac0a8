"""The last stage: maps that learn beside still towers, and who says whether they are kept."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.unit.training.cirp.test_validation import graph_of
from training.cirp.maps import OWN, PATIENCE, MapChoice, MapTask, choose_maps, features_of, learn_maps, maps_alone_learn, repeat_maps
from training.cirp.model import Cirp, build_cirp
from training.cirp.neighbours import ItemGraph
from training.cirp.recipe import MapTrial, cirp_small
from training.cirp.validation import HeldPairs
from training.trainer.task import Tensors

SLOW, QUICK = MapTrial(rate=1e-4, hidden=True), MapTrial(rate=3e-3, hidden=False)
RECIPE = replace(cirp_small(), words=False, image_px=16, batch=64, maps=(SLOW, QUICK), map_steps=200)
PAIRS = 200
EVERY = torch.arange(2 * PAIRS)


@pytest.fixture(scope="module")
def graph() -> ItemGraph:
    """Item i goes with item i + PAIRS; a fifth of these edges is held out."""
    edges = [[i, i + PAIRS] for i in range(PAIRS)]
    return graph_of(edges[40:], edges[:40], 2 * PAIRS)


@pytest.fixture(scope="module")
def vectors() -> Tensors:
    """Who goes with whom stands in some dimensions of the towers' vectors, and louder things that tell nothing in a few others."""
    generator = torch.Generator().manual_seed(0)
    shared = F.pad(torch.randn(PAIRS, 24, generator=generator), (0, 360)).repeat(2, 1)
    noise = F.pad(3 * torch.randn(2, 2 * PAIRS, 8, generator=generator), (24, 352))
    found = {name: F.normalize(shared + loud, dim=1) for name, loud in zip(("text", "image"), noise, strict=True)}
    there = torch.ones(2 * PAIRS, dtype=torch.uint8)
    return {**found, "has_text": there, "has_image": there.clone()}


@pytest.fixture
def model() -> Cirp:
    torch.manual_seed(0)
    return build_cirp(RECIPE)


def learn(model: Cirp, vectors: Tensors, graph: ItemGraph, folder: Path) -> MapChoice:
    return choose_maps(model, vectors, graph, RECIPE, HeldPairs(graph, 0), folder, {"inputs": "test"})


def test_what_held_pairs_rank_best_by_is_kept_and_the_model_has_it(model: Cirp, vectors: Tensors, graph: ItemGraph, tmp_path: Path) -> None:
    validation = HeldPairs(graph, 0)
    choice = learn(model, vectors, graph, tmp_path)
    assert list(choice.scores) == ["own", "hidden-0.0001", "linear-0.003"]
    assert choice.scores["linear-0.003"] > 2 * choice.scores["own"]
    assert choice.trial == max(choice.scores, key=lambda name: choice.scores[name])
    assert choice.steps in (100, 200)
    found = features_of(model, vectors, torch.from_numpy(validation.items))
    assert validation.score(found) == pytest.approx(max(choice.scores.values()))


class NothingRanks:
    """Thinks worse of every map than of the one before."""

    name, items = "none", np.arange(4)

    def __init__(self) -> None:
        self.asked = 0

    def score(self, x: torch.Tensor) -> float:
        self.asked += 1
        return len(x) / len(self.items) / self.asked


def test_projections_that_no_map_excels_are_left_as_they_are(model: Cirp, vectors: Tensors, graph: ItemGraph, tmp_path: Path) -> None:
    model.text_projection.out.weight.data.normal_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    choice = choose_maps(model, vectors, graph, RECIPE, NothingRanks(), tmp_path, {"inputs": "test"})
    assert (choice.trial, choice.steps, choice.scores[OWN]) == (OWN, 0, 1.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_trial_that_gets_no_better_ends_early(model: Cirp, vectors: Tensors, graph: ItemGraph, tmp_path: Path) -> None:
    task = MapTask(model, vectors, graph, RECIPE, NothingRanks())
    assert len(learn_maps(task, QUICK, 1_000, tmp_path, {"inputs": "test"})) == 1 + PATIENCE


def test_only_maps_learn_and_all_else_may_again_afterwards(model: Cirp) -> None:
    before = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    linear = {"text_projection.linear.weight", "image_projection.linear.weight", "log_picture_share"}
    for hidden in (False, True):
        with maps_alone_learn(model, RECIPE, hidden=hidden):
            learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        layers = {name for name in before if "_projection." in name} - linear
        assert learning == (linear | layers if hidden else linear)
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == before


def test_what_was_decided_on_fewer_edges_is_done_again_without_validation(model: Cirp, vectors: Tensors, graph: ItemGraph, tmp_path: Path) -> None:
    decided = learn(model, vectors, graph, tmp_path / "evaluation")
    again = build_cirp(RECIPE)
    repeat_maps(again, vectors, graph, RECIPE, MapChoice(**asdict(decided)), tmp_path / "full", {"inputs": "other"})
    assert torch.allclose(features_of(again, vectors, EVERY), features_of(model, vectors, EVERY), atol=1e-6), "the same edges, rate and steps"


def test_a_killed_stage_goes_on_to_the_same_maps(
    model: Cirp, vectors: Tensors, graph: ItemGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, looks = learn(model, vectors, graph, tmp_path / "whole"), [0]
    features, original = features_of(model, vectors, EVERY), MapTask.losses

    def cut(self: MapTask, batch: object) -> Tensors:
        looks[0] += 1
        if looks[0] == 350:
            raise KeyboardInterrupt
        return original(self, batch)  # type: ignore[arg-type]  # the trainer hands on what load gave

    other = build_cirp(RECIPE)
    with monkeypatch.context() as patched:
        patched.setattr(MapTask, "losses", cut)
        with pytest.raises(KeyboardInterrupt):
            learn(other, vectors, graph, tmp_path / "cut")
    fresh = build_cirp(RECIPE)
    assert learn(fresh, vectors, graph, tmp_path / "cut") == whole
    assert torch.equal(features_of(fresh, vectors, EVERY), features)
