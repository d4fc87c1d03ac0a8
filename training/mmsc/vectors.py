"""Vectors of all items from a trained model: in blocks, with cold items given behaviour by Eq. 12."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.mmsc.content import Tokens
from training.mmsc.graph import Queries, RelationGraph, sample_walks
from training.mmsc.model import Behaviour, Mmsc, Relational
from training.mmsc.recipe import KINDS, MmscRecipe

BLOCK = 2_048
AS_NEAR = 1e-4
"""Cosines that differ by no more are equal: far above rounding, far below what tells two texts apart."""


@dataclass(frozen=True, slots=True)
class ItemVectors:
    """All of N items. ``behaviour.known`` holds the warm and the lent; ``warm`` (N,) by task only those with paths of their own."""

    content: Tensor
    behaviour: Behaviour
    warm: dict[str, Tensor]
    relational: Relational
    looks: dict[str, Tensor] = field(default_factory=dict)
    """What the gates let through, (N,) each: ``look``."""


def encode_items(model: Mmsc, tokens: Tokens, graph: RelationGraph, recipe: MmscRecipe) -> ItemVectors:
    """Return the vectors of all items; walks are drawn from the recipe's seed, so the same model gives the same bits."""
    content, own = read_content_and_paths(model, tokens, graph, recipe)
    full = lend_behaviour(content, own, recipe)
    return ItemVectors(content, full, own.known, relate_all(model, content, full), look(model, tokens, content, full))


@torch.no_grad()
def look(model: Mmsc, tokens: Tokens, content: Tensor, behaviour: Behaviour) -> dict[str, Tensor]:
    """Return what makes up the items' vectors, (N,) each.

    ``attention_<modality>`` is a modality's part of the content, ``content_share_<task>`` the mean of the semantic gate over its units:
    1 is content alone, 0 behaviour alone.
    """
    parts: list[dict[str, Tensor]] = []
    device = model.items.device
    for at in torch.split(torch.arange(len(content)), BLOCK):
        attention = model.content.attention(_to(tokens.take(at), device))
        shares = model.content_shares(content[at].to(device), _part(behaviour, at, device))
        named = {f"attention_{m}": part for m, part in attention.items()} | {f"content_share_{kind}": share for kind, share in shares.items()}
        parts.append({name: value.cpu() for name, value in named.items()})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]} if parts else {}


@torch.no_grad()
def read_content_and_paths(model: Mmsc, tokens: Tokens, graph: RelationGraph, recipe: MmscRecipe) -> tuple[Tensor, Behaviour]:
    """Return q (N, width) and the behaviour of items from their own paths, with twice the fan-out of training."""
    generator = torch.Generator().manual_seed(recipe.seed)
    device = model.items.device
    contents, found = [], []
    for nodes in torch.split(torch.arange(graph.num_items), BLOCK):
        walks = sample_walks(graph, recipe.all_paths(), Queries.of(nodes), 2 * recipe.fanout, generator)
        here = {path: (node.to(device), real.to(device)) for path, (node, real) in walks.items()}
        part = tokens.take(nodes)
        contents.append(model.contents(_to(part, device)).cpu())
        found.append(_to_cpu(model.behaviour(nodes.to(device), here)))
    behaviour = Behaviour({k: torch.cat([b.p[k] for b in found]) for k in KINDS}, {k: torch.cat([b.known[k] for b in found]) for k in KINDS})
    return torch.cat(contents), behaviour


@torch.no_grad()
def relate_all(model: Mmsc, content: Tensor, behaviour: Behaviour) -> Relational:
    """Return the relational vectors of all items, in blocks, on the CPU."""
    blocks = torch.split(torch.arange(len(content)), BLOCK)
    parts = [relate_on(model, content[at], _part(behaviour, at, content.device)) for at in blocks]
    return Relational(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


@torch.no_grad()
def relate_on(model: Mmsc, content: Tensor, behaviour: Behaviour) -> Relational:
    """Return ``model.relate`` of CPU tensors as CPU tensors."""
    device = model.items.device
    found = model.relate(content.to(device), _part(behaviour, slice(None), device))
    return Relational(*(vectors.cpu() for vectors in found))


def lend_behaviour(content: Tensor, own: Behaviour, recipe: MmscRecipe, only: Tensor | None = None) -> Behaviour:
    """Return behaviour in which items without any have the mean of their nearest warm items' (Eq. 12).

    With ``only`` (M,) the M items are treated as if they were cold, and only they are returned.
    """
    p, known = {}, {}
    for kind in KINDS:
        asked = torch.nonzero(~own.known[kind]).flatten() if only is None else only
        lent, near = nearest_mean(content, own.p[kind], own.known[kind], asked, recipe)
        p[kind] = lent if only is not None else own.p[kind].index_put((asked,), lent)
        known[kind] = near if only is not None else own.known[kind].index_put((asked,), near)
    return Behaviour(p, known)


def nearest_mean(content: Tensor, p: Tensor, warm: Tensor, asked: Tensor, recipe: MmscRecipe) -> tuple[Tensor, Tensor]:
    """Return the mean p (M, width) of the nearest warm items by content for ``asked`` (M,), and whether any is close enough.

    The ``cold_neighbours`` nearest of at least ``cold_closeness`` cosine lend, and whoever is as near as the last of them:
    items of one brand and category without a title all look alike, and rounding must not choose among them. None lends to itself.
    """
    lenders = torch.nonzero(warm).flatten()
    count = min(recipe.cold_neighbours, len(lenders))
    lent, near = p.new_zeros(len(asked), p.shape[1]), torch.zeros(len(asked), dtype=torch.bool)
    for start in range(0, len(asked) if count else 0, BLOCK):
        rows = asked[start : start + BLOCK]
        cosine = content[rows] @ content[lenders].T
        cosine = cosine.masked_fill(rows[:, None] == lenders[None, :], -2.0)
        last = cosine.topk(count, dim=1).values[:, -1:] - AS_NEAR
        close = (cosine >= last.clamp_min(recipe.cold_closeness)).float()
        lent[start : start + BLOCK] = close @ p[lenders] / close.sum(1, keepdim=True).clamp_min(1)
        near[start : start + BLOCK] = close.any(1)
    return lent, near


def _to(tokens: Tokens, device: torch.device) -> Tokens:
    return Tokens({m: v.to(device) for m, v in tokens.values.items()}, {m: v.to(device) for m, v in tokens.present.items()})


def _part(behaviour: Behaviour, at: Tensor | slice, device: torch.device) -> Behaviour:
    """Return the behaviour of the items at ``at``, on a device."""
    return Behaviour({k: v[at].to(device) for k, v in behaviour.p.items()}, {k: v[at].to(device) for k, v in behaviour.known.items()})


def _to_cpu(behaviour: Behaviour) -> Behaviour:
    return Behaviour({k: v.cpu() for k, v in behaviour.p.items()}, {k: v.cpu() for k, v in behaviour.known.items()})
