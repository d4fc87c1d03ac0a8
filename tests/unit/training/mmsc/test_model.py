"""The parts of MMSC, one claim each."""

from dataclasses import replace

import pytest
import torch

from tests.unit.training.mmsc.tiny import SMALL
from training.mmsc.behaviour import PathEncoder, masked_softmax
from training.mmsc.content import ContentHead, Tokens
from training.mmsc.model import Behaviour, Mmsc, SemanticGate, TaskGate
from training.mmsc.recipe import KINDS, MmscRecipe


def tokens(count: int = 5, of_text: int = 1, of_image: int = 1) -> Tokens:
    g = torch.Generator().manual_seed(0)
    values = {"text": torch.randn(count, of_text, 8, generator=g), "image": torch.randn(count, of_image, 6, generator=g)}
    return Tokens(values, {m: torch.ones(count, dtype=torch.bool) for m in values})


def model(recipe: MmscRecipe = SMALL) -> Mmsc:
    torch.manual_seed(0)
    return Mmsc(recipe, {"text": 8, "image": 6}, torch.randn(5, recipe.item_width)).eval()


def behaviour(count: int, width: int, known: bool = True) -> Behaviour:
    g = torch.Generator().manual_seed(1)
    return Behaviour({k: torch.randn(count, width, generator=g) for k in KINDS}, {k: torch.full((count,), known) for k in KINDS})


def test_substitutes_score_the_same_both_ways_and_complements_do_not() -> None:
    mmsc = model()
    torch.nn.init.normal_(mmsc.get_parameter("project.complement_target.weight"))
    found = mmsc.relate(mmsc.contents(tokens()), behaviour(5, SMALL.width))
    substitutes, complements = found.substitute @ found.substitute.T, found.complement_source @ found.complement_target.T
    assert torch.allclose(substitutes, substitutes.T)
    assert not torch.allclose(complements, complements.T, atol=1e-2)


def test_a_score_is_the_mean_of_the_score_with_behaviour_and_the_score_by_content_alone() -> None:
    mmsc = model(replace(SMALL, content_share=0.7))
    q, known = mmsc.contents(tokens()), behaviour(5, SMALL.width)
    both, informed, alone = mmsc.relate(q, known), mmsc.read(q, known), mmsc.read(q, known.unknown())
    found = both.complement_source @ both.complement_target.T
    mixed = 0.3 * informed.complement_source @ informed.complement_target.T + 0.7 * alone.complement_source @ alone.complement_target.T
    torch.testing.assert_close(found, mixed)
    torch.testing.assert_close(both.substitute.norm(dim=1), torch.ones(5))


def test_a_missing_modality_is_one_learned_vector_whatever_stood_in_its_place() -> None:
    head, given = ContentHead({"text": 8, "image": 6}, 16), tokens(of_image=3)
    gone = Tokens(given.values, {**given.present, "image": torch.zeros(5, dtype=torch.bool)})
    other = Tokens({**given.values, "image": given.values["image"] + 9}, gone.present)
    assert torch.equal(head(gone), head(other))
    assert not torch.allclose(head(gone), head(given))
    head(gone).sum().backward()
    assert float(head.missing["image"].grad.abs().sum()) > 0
    assert head.missing["text"].grad is None or float(head.missing["text"].grad.abs().sum()) == 0


def test_the_content_head_pools_any_number_of_tokens_by_attention() -> None:
    head = ContentHead({"image": 768}, 16)
    value = torch.randn(2, 32, 768)
    q = head(Tokens({"image": value}, {"image": torch.tensor([True, True])}))
    assert q.shape == (2, 16)
    assert torch.allclose(q.norm(dim=-1), torch.ones(2), atol=1e-5)
    shuffled = head(Tokens({"image": value.flip(1)}, {"image": torch.tensor([True, True])}))
    assert torch.allclose(q, shuffled, atol=1e-5)


def test_the_semantic_gate_lies_between_content_and_behaviour() -> None:
    gate = SemanticGate(8, "learned")
    q, p = torch.randn(4, 8), torch.randn(4, 8)
    z = gate(q, p, torch.ones(4, dtype=torch.bool))
    assert bool(((z >= torch.minimum(q, p) - 1e-6) & (z <= torch.maximum(q, p) + 1e-6)).all())
    assert torch.equal(gate(q, p, torch.zeros(4, dtype=torch.bool)), q)


def test_gates_of_one_half_count_both_sides_alike() -> None:
    q, p = torch.randn(4, 8), torch.randn(4, 8)
    assert torch.allclose(SemanticGate(8, "half")(q, p, torch.ones(4, dtype=torch.bool)), (q + p) / 2)
    assert torch.allclose(TaskGate(8, "half")(q, p), (q + p) / 2)


def test_random_gates_share_by_width_whatever_the_item_and_are_kept_with_the_weights() -> None:
    gate, both = TaskGate(8, "random"), torch.ones(2, 8)
    shares = gate(both, torch.zeros(2, 8))
    assert torch.equal(shares[0], shares[1])
    assert shares[0].std() > 0.05
    again = TaskGate(8, "random")
    again.load_state_dict(gate.state_dict())
    assert torch.equal(again(both, torch.zeros(2, 8)), shares)


def test_without_content_the_tokens_change_nothing() -> None:
    mmsc = model(replace(SMALL, content=False))
    assert torch.equal(mmsc.contents(tokens()), torch.zeros(5, SMALL.width))


def test_the_path_encoder_equals_the_written_formula() -> None:
    torch.manual_seed(0)
    encoder, x = PathEncoder(("s", "ss"), 4, 6), torch.randn(7, 4)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    walks = {"s": (torch.tensor([[[1], [2]]]), torch.tensor([[True, True]])), "ss": (torch.tensor([[[1, 3], [2, 4]]]), torch.tensor([[True, False]]))}
    p, known = encoder(x, torch.tensor([0]), walks)
    of_path = []
    for k, (visited, real) in enumerate(walks.values()):
        m = x[visited[0]].mean(1)
        logits = torch.nn.functional.leaky_relu(x[0] @ encoder.of_query[k] + m @ encoder.of_message[k], 0.2)
        alpha = torch.softmax(logits[real[0]], dim=0)
        of_path.append(alpha @ m[real[0]])
    p_pd = torch.stack(of_path)
    hidden = [torch.tanh(row @ encoder.path_weight[k] + encoder.path_bias[k]) for k, row in enumerate(p_pd)]
    beta = torch.softmax(torch.stack(hidden) @ encoder.path_query, dim=0)
    assert bool(known[0])
    assert torch.allclose(p[0], encoder.out(beta @ p_pd), atol=1e-5)


def test_an_item_that_no_path_leaves_is_unknown_and_zero() -> None:
    encoder, nothing = PathEncoder(("s",), 4, 6), (torch.zeros(2, 3, 1, dtype=torch.long), torch.zeros(2, 3, dtype=torch.bool))
    p, known = encoder(torch.randn(5, 4), torch.tensor([3, 4]), {"s": nothing})
    assert known.tolist() == [False, False]
    assert torch.equal(p, torch.zeros(2, 6))


def test_a_masked_softmax_of_nothing_is_zero_and_has_a_finite_gradient() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    weights = masked_softmax(logits, torch.tensor([[True, True, False], [False, False, False]]))
    assert weights.sum(1).tolist() == pytest.approx([1.0, 0.0])
    (gradient,) = torch.autograd.grad(weights.pow(2).sum(), logits)
    assert bool(torch.isfinite(gradient).all())


def test_each_task_has_its_own_attention() -> None:
    mmsc = model()
    named = dict(mmsc.named_parameters())
    assert {"paths.substitute.of_message", "paths.complement.of_message"} <= set(named)
    assert [mmsc.paths[kind].paths for kind in KINDS] == [SMALL.substitute_paths, SMALL.complement_paths]
