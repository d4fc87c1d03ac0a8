"""What PyG's samplers walk: edges of the graph, as ours do, and the same batches; whoever walks otherwise is refused."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch_geometric.typing
from torch import Tensor

from benchmarks.mmsc import neighbor_loader
from benchmarks.mmsc.agreement import require_same_instances
from benchmarks.mmsc.lesson import Lesson
from benchmarks.mmsc.made import made_pairs
from benchmarks.mmsc.metapath_sampler import MetapathSampler
from benchmarks.mmsc.neighbor_loader import ITEM, ReadWalks, backend
from benchmarks.mmsc.slices import NEIGHBOR_LOADER, require_rivals
from benchmarks.mmsc.tasks import Ours, Theirs
from goeswith.errors import DataContractError, EnvironmentMissing
from training.mmsc.graph import Queries, Walks

Stored = dict[str | tuple[str, str, str], Any]
"""A stand-in of HeteroData."""


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_popular_items_have_most_edges_and_none_meets_itself() -> None:
    pairs = made_pairs(1_000, 50_000)
    degrees = np.sort(np.bincount(np.concatenate([pairs.src, pairs.dst]), minlength=1_000))[::-1]
    assert degrees[:100].sum() > 0.25 * degrees.sum(), "a tenth of the items; a third is expected"
    assert (pairs.src != pairs.dst).all()
    assert (pairs.types == "substitute").sum() == 25_000


def test_pygs_sampler_of_meta_paths_walks_as_ours_does(lesson: Lesson) -> None:
    require_same_instances(lesson, Theirs(lesson, MetapathSampler, 0))


def test_a_sampler_that_walks_elsewhere_is_refused(lesson: Lesson) -> None:
    class Elsewhere(MetapathSampler):
        def walk(self, asked: Queries) -> Walks:
            return {path: ((visited + 1) % self.nobody, real) for path, (visited, real) in super().walk(asked).items()}

    with pytest.raises(DataContractError, match="is no edge of the graph"):
        require_same_instances(lesson, Theirs(lesson, Elsewhere, 0))


def test_a_sampler_that_finds_fewer_instances_is_refused(lesson: Lesson) -> None:
    class Fewer(MetapathSampler):
        def walk(self, asked: Queries) -> Walks:
            return {path: (visited, real & (torch.rand(real.shape) < 0.5)) for path, (visited, real) in super().walk(asked).items()}

    with pytest.raises(DataContractError, match="share of instances"):
        require_same_instances(lesson, Theirs(lesson, Fewer, 0))


def test_both_train_the_same_pairs_in_the_same_order(lesson: Lesson) -> None:
    ours, theirs = (list(task.plans(generator())) for task in (Ours(lesson), Theirs(lesson, MetapathSampler, 0)))
    pairs = 2 * lesson.recipe.batch
    assert [batch.nodes[:pairs].tolist() for batch in ours] == [batch.nodes[:pairs].tolist() for batch in theirs]
    assert len(ours) == 2
    for one, other in zip(ours, theirs, strict=True):
        assert {path: visited.shape for path, (visited, _) in one.walks.items()} == {path: v.shape for path, (v, _) in other.walks.items()}
        assert {path: visited.shape for path, (visited, _) in one.second.items()} == {path: v.shape for path, (v, _) in other.second.items()}


def test_the_clock_counts_sampling_alone(lesson: Lesson) -> None:
    task = Ours(lesson)
    list(task.plans(generator()))
    assert task.sampled_s > 0
    assert task.validate() == {}


def subgraph() -> Stored:
    """Two queries, items 7 and 5, of which 7 met 9 and 5, and 9 met 7 and 8; numbered as loaders do, by when they were found."""
    edges = torch.tensor([[2, 1, 0, 3], [0, 0, 2, 2]])
    item = SimpleNamespace(n_id=torch.tensor([7, 5, 9, 8]), batch_size=2, input_id=torch.tensor([0, 1]))
    return {ITEM: item, (ITEM, "s", ITEM): SimpleNamespace(edge_index=edges)}


def visited(found: tuple[Tensor, Tensor], query: int) -> list[list[int] | None]:
    node, real = found
    return [path if there else None for path, there in zip(node[query].tolist(), real[query].tolist(), strict=True)]


def test_instances_are_read_out_of_a_sampled_subgraph() -> None:
    walks = ReadWalks(("s", "ss"), 2, torch.tensor([5, 7]))(subgraph())
    assert visited(walks["s"], 0) == [[9], None], "5 is the partner of 7"
    assert visited(walks["ss"], 0) == [None, None], "back to 7, and through the pair's own edge"
    assert visited(walks["s"], 1) == [None, None], "nobody was sampled for 5"


def test_instances_go_on_to_what_was_sampled_behind_them() -> None:
    walks = ReadWalks(("s", "ss"), 4, torch.tensor([-1, -1]))(subgraph())
    assert visited(walks["s"], 0) == [[9], [5], [9], [5]]
    assert visited(walks["ss"], 0) == [None, None, None, None], "slots 0 and 2 take 9's first, 7 again; 5 goes nowhere"


@pytest.mark.parametrize(("pyg_lib", "torch_sparse", "name"), [(True, True, "pyg-lib"), (False, True, "torch-sparse")])
def test_the_backend_is_what_the_loader_would_take(monkeypatch: pytest.MonkeyPatch, pyg_lib: bool, torch_sparse: bool, name: str) -> None:
    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", pyg_lib)
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SPARSE", torch_sparse)
    assert backend() == name


def test_without_a_backend_the_remedy_names_what_to_install_and_what_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", False)
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SPARSE", False)
    with pytest.raises(EnvironmentMissing) as refused:
        backend()
    assert "torch-sparse" in refused.value.remedy
    assert "--slices metapath_sampler,capacity" in refused.value.remedy


def test_the_loaders_walks_are_of_the_kind_of_ours_and_without_its_sampler_the_slice_is_refused(lesson: Lesson) -> None:
    if torch_geometric.typing.WITH_PYG_LIB or torch_geometric.typing.WITH_TORCH_SPARSE:
        require_same_instances(lesson, Theirs(lesson, neighbor_loader.LoadedNeighbors, 0))
    else:
        with pytest.raises(EnvironmentMissing):
            require_rivals([NEIGHBOR_LOADER])
