"""The parts of MMSC, one claim each."""

from dataclasses import replace

import pytest
import torch

from tests.unit.training.mmsc.tiny import SMALL, pairs_of
from training.mmsc.behaviour import PathEncoder, masked_softmax, path_messages
from training.mmsc.content import ContentHead, Tokens
from training.mmsc.graph import NOBODY, build_graph, sample_walks
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
    gate = SemanticGate(8, learned=True)
    q, p = torch.randn(4, 8), torch.randn(4, 8)
    z = gate(q, p, torch.ones(4, dtype=torch.bool))
    assert bool(((z >= torch.minimum(q, p) - 1e-6) & (z <= torch.maximum(q, p) + 1e-6)).all())
    assert torch.equal(gate(q, p, torch.zeros(4, dtype=torch.bool)), q)


def test_without_gates_both_sides_count_half() -> None:
    q, p = torch.randn(4, 8), torch.randn(4, 8)
    assert torch.allclose(SemanticGate(8, learned=False)(q, p, torch.ones(4, dtype=torch.bool)), (q + p) / 2)
    assert torch.allclose(TaskGate(8, learned=False)(q, p), (q + p) / 2)


def test_without_content_the_tokens_change_nothing() -> None:
    mmsc = model(replace(SMALL, content=False))
    assert torch.equal(mmsc.contents(tokens()), torch.zeros(5, SMALL.width))


def test_messages_are_the_mean_of_the_features_along_an_instance() -> None:
    graph, features = build_graph(pairs_of((0, 1, "s"), (1, 2, "s")), 3), torch.randn(3, 4)
    walks = sample_walks(graph, ("s", "ss"), torch.tensor([0]), torch.tensor([NOBODY]), 2, torch.Generator().manual_seed(0))
    messages, real = path_messages(walks, features)
    assert bool(real["ss"].all())
    assert torch.allclose(messages["ss"][0, 0], (features[1] + features[2]) / 2)


def test_attention_over_instances_and_paths_reads_only_what_exists() -> None:
    encoder = PathEncoder(("s", "ss"), 4, 6)
    real = {"s": torch.tensor([[True, False], [False, False]]), "ss": torch.zeros(2, 2, dtype=torch.bool)}
    messages = {path: torch.randn(2, 2, 4) for path in real}
    p, known = encoder(torch.randn(2, 4), messages, real)
    assert known.tolist() == [True, False]
    assert torch.allclose(p[0], encoder.out(messages["s"][0, 0]), atol=1e-6)
    assert torch.equal(p[1], torch.zeros(6))


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
