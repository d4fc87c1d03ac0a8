"""ITC and CIC: the positive of CIC is the neighbour, and known neighbours are no negatives."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.cirp.losses import Contrast, Encoded, Modality, Relations, nce
from training.cirp.queue import FeatureQueue
from training.negatives import EdgeSet

TAU = torch.tensor(0.1)


def encoded(count: int = 6, dim: int = 8, seed: int = 0) -> Encoded:
    rng = torch.Generator().manual_seed(seed)
    sides = [Modality(F.normalize(torch.randn(count, dim, generator=rng), dim=1), torch.ones(count, dtype=torch.bool)) for _ in range(2)]
    return Encoded(torch.arange(count), sides[0], sides[1])


def empty(dim: int = 8) -> Encoded:
    return FeatureQueue(0, dim).read()


def related(batch: Encoded, edges: list[tuple[int, int]], queue: Encoded | None = None) -> Relations:
    ends = torch.tensor(edges).reshape(-1, 2)
    known = EdgeSet(ends[:, 0], ends[:, 1], 100)
    candidates = torch.cat([batch.items, (queue or empty()).items])
    own = batch.items[:, None] == candidates[None]
    return Relations(own, own, known.contains(batch.items[:, None], candidates[None]))


def hand_nce(anchor: Tensor, positive: Tensor, negatives: Tensor) -> Tensor:
    logits = torch.cat([(anchor * positive).sum()[None], negatives @ anchor]) / TAU
    return -logits.log_softmax(0)[0]


def test_cic_of_one_edge_is_the_quarter_of_four_terms_computed_by_hand() -> None:
    batch = encoded()
    v, t = batch.image.vectors, batch.text.vectors
    i, j, others = 0, 3, [1, 2, 4, 5]
    expected = (
        hand_nce(v[i], t[j], t[others]) + hand_nce(t[j], v[i], v[others]) + hand_nce(v[j], t[i], t[others]) + hand_nce(t[i], v[j], v[others])
    ) / 4
    assert torch.isclose(Contrast(batch, empty(), TAU, related(batch, [(i, j)])).cic(), expected, atol=1e-5)


def test_itc_is_symmetric_cross_entropy_of_own_pairs() -> None:
    batch = encoded()
    logits = batch.image.vectors @ batch.text.vectors.T / TAU
    target = torch.arange(6)
    expected = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    assert torch.isclose(Contrast(batch, empty(), TAU, related(batch, [])).itc(), expected, atol=1e-5)


def test_exchanging_neighbours_changes_cic_but_not_itc() -> None:
    batch = encoded()
    here, there = related(batch, [(0, 1), (2, 3)]), related(batch, [(0, 3), (2, 1)])
    assert not torch.isclose(Contrast(batch, empty(), TAU, here).cic(), Contrast(batch, empty(), TAU, there).cic())
    assert torch.equal(Contrast(batch, empty(), TAU, here).itc(), Contrast(batch, empty(), TAU, there).itc())


def test_another_known_neighbour_in_batch_or_queue_is_no_negative() -> None:
    batch, queue = encoded(), FeatureQueue(2, 8)
    other = encoded(2, seed=1)
    queue.push(Encoded(torch.tensor([50, 51]), other.text, other.image))
    edges = [(0, 1), (0, 2), (0, 50), (1, 2), (1, 50), (2, 50)]
    relations = related(batch, edges, queue.read())
    base = Contrast(batch, queue.read(), TAU, relations).cic()
    queue.text[0] *= -1
    queue.image[0] *= -1
    assert torch.equal(Contrast(batch, queue.read(), TAU, relations).cic(), base)
    queue.text[1] *= -1
    assert not torch.equal(Contrast(batch, queue.read(), TAU, relations).cic(), base)


def test_a_duplicate_of_the_item_in_the_queue_is_no_negative() -> None:
    batch, queue = encoded(1), FeatureQueue(1, 8)
    queue.push(batch)
    relations = related(batch, [], queue.read())
    assert Contrast(batch, queue.read(), TAU, relations).itc() == 0


@pytest.mark.parametrize("neighbours", [True, False])
def test_an_item_without_a_picture_takes_no_part_in_any_term(neighbours: bool) -> None:
    batch = encoded()
    has = torch.tensor([True, True, False, True, True, True])
    batch = batch._replace(image=Modality(batch.image.vectors.clone().requires_grad_(), has))
    relations = related(batch, [(0, 1), (2, 3)])
    contrast = Contrast(batch, empty(), TAU, relations)
    total = (contrast.cic() if neighbours else contrast.itc()) + contrast.features()
    gradient = torch.autograd.grad(total, batch.image.vectors)[0]
    assert gradient[2].abs().sum() == 0
    assert gradient[0].abs().sum() > 0


def test_without_any_picture_the_term_of_the_feature_still_learns_neighbours() -> None:
    batch = encoded()
    text = batch.text.vectors.clone().requires_grad_()
    batch = batch._replace(text=Modality(text, batch.text.has), image=Modality(batch.image.vectors, torch.zeros(6, dtype=torch.bool)))
    relations = related(batch, [(0, 1)])
    assert Contrast(batch, empty(), TAU, relations).cic() == 0
    gradient = torch.autograd.grad(Contrast(batch, empty(), TAU, relations).features(), text)[0]
    assert ((text - 0.1 * gradient)[0] @ (text - 0.1 * gradient)[1]) > text[0] @ text[1]


def test_a_batch_of_one_and_a_batch_without_edges_have_finite_gradients() -> None:
    for count in (1, 4):
        batch = encoded(count)
        text = batch.text.vectors.clone().requires_grad_()
        batch = batch._replace(text=Modality(text, batch.text.has))
        relations = related(batch, [])
        contrast = Contrast(batch, empty(), TAU, relations)
        total = contrast.itc() + contrast.cic() + contrast.features()
        assert torch.isfinite(torch.autograd.grad(total, text)[0]).all()


def test_soft_targets_are_the_momentum_encoders_similarities_mixed_with_the_item_itself() -> None:
    batch, targets, share = encoded(), encoded(seed=1), 0.4
    found = Contrast(batch, empty(), TAU, related(batch, []), targets, share).itc()
    expected = []
    for one, other in (("image", "text"), ("text", "image")):
        here, there, believed = (getattr(side, name).vectors for side, name in ((batch, one), (targets, other), (targets, one)))
        target = share * (believed @ there.T / TAU).softmax(1) + (1 - share) * torch.eye(6)
        expected.append(F.cross_entropy(here @ there.T / TAU, target))
    assert torch.isclose(found, torch.stack(expected).mean(), atol=1e-5)


def test_an_edges_weight_is_how_much_its_terms_count() -> None:
    batch = encoded()
    relations = related(batch, [(0, 1), (2, 3)])
    alone = Contrast(batch, empty(), TAU, related(batch, [(0, 1)])).cic()
    weights = torch.zeros(6, 6)
    weights[0, 1] = weights[1, 0] = 0.7
    assert torch.isclose(Contrast(batch, empty(), TAU, Relations(relations.own, relations.own, relations.known, weights)).cic(), alone, atol=1e-6)
    even = Relations(relations.own, relations.own, relations.known, torch.full((6, 6), 0.3))
    assert torch.isclose(Contrast(batch, empty(), TAU, even).cic(), Contrast(batch, empty(), TAU, relations).cic(), atol=1e-6)


def test_nce_without_positives_is_zero_and_without_negatives_too() -> None:
    logits, none, every = torch.randn(2, 3), torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)
    assert nce(logits, none, every) == 0
    assert nce(logits, every, none) == 0


def test_the_queue_keeps_the_newest_and_overwrites_the_oldest() -> None:
    queue = FeatureQueue(4, 8)
    for start in (0, 3):
        batch = encoded(3, seed=start)
        queue.push(batch._replace(items=torch.arange(start, start + 3)))
    assert sorted(queue.items.tolist()) == [2, 3, 4, 5]
    assert torch.equal(queue.text[queue.items == 5][0], encoded(3, seed=3).text.vectors[2])
    queue.push(encoded(9))
    assert sorted(queue.items.tolist()) == [5, 6, 7, 8]


def test_an_empty_place_of_the_queue_is_no_negative() -> None:
    batch, queue = encoded(), FeatureQueue(5, 8)
    padded = Contrast(batch, queue.read(), TAU, related(batch, [(0, 1)], queue.read()._replace(items=torch.zeros(5)))).cic()
    assert torch.isclose(padded, Contrast(batch, empty(), TAU, related(batch, [(0, 1)])).cic())
