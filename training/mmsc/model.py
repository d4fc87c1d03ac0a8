"""MMSC: content and behaviour of each task, joined by two gates (MMSC section 3, Eq. 8; form of models.md section 2)."""

from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F  # the field's own name
from torch import Tensor, nn

from training.mmsc.behaviour import PathEncoder
from training.mmsc.content import ContentHead, Tokens
from training.mmsc.graph import Walks
from training.mmsc.recipe import KINDS, Gate, MmscRecipe


@dataclass(frozen=True, slots=True)
class Behaviour:
    """p of both tasks, (B, width) each, and whether it is known (B,): an item that no path leaves has none."""

    p: dict[str, Tensor]
    known: dict[str, Tensor]

    def unknown(self) -> "Behaviour":
        """Return the behaviour of the same items as if none had any."""
        return Behaviour(self.p, {kind: torch.zeros_like(known) for kind, known in self.known.items()})


class Relational(NamedTuple):
    """What scores are made of, (B, D) each and L2-normalised: score_sub = s_i . s_j, score_comp = source_i . target_j."""

    substitute: Tensor
    complement_source: Tensor
    complement_target: Tensor


class SemanticGate(nn.Module):
    """Eq. 8: g = sigmoid(W1 q + W2 p + b), z = g * q + (1 - g) * p; content alone where behaviour is unknown."""

    shares: Tensor

    def __init__(self, width: int, kind: Gate) -> None:
        super().__init__()
        self.of_content = nn.Linear(width, width)
        self.of_behaviour = nn.Linear(width, width, bias=False)
        self.learned = kind == "learned"
        self.register_buffer("shares", fixed_shares(kind, width))

    def gate(self, q: Tensor, p: Tensor, known: Tensor) -> Tensor:
        """Return g (B, width)."""
        g = torch.sigmoid(self.of_content(q) + self.of_behaviour(p)) if self.learned else self.shares.expand_as(q)
        return torch.where(known[:, None], g, torch.ones_like(g))

    def forward(self, q: Tensor, p: Tensor, known: Tensor) -> Tensor:
        """Return z (B, width)."""
        g = self.gate(q, p, known)
        return g * q + (1 - g) * p


class TaskGate(nn.Module):
    """h = g' * z_own + (1 - g') * z_other, g' = sigmoid(W [z_own || z_other] + b), starting near the own task."""

    shares: Tensor

    def __init__(self, width: int, kind: Gate) -> None:
        super().__init__()
        self.weigh = nn.Linear(2 * width, width)
        nn.init.constant_(self.weigh.bias, 1.0)
        self.learned = kind == "learned"
        self.register_buffer("shares", fixed_shares(kind, width))

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Return h (B, width)."""
        g = torch.sigmoid(self.weigh(torch.cat([own, other], dim=-1))) if self.learned else self.shares.expand_as(own)
        return g * own + (1 - g) * other


def fixed_shares(kind: Gate, width: int) -> Tensor:
    """Return the shares (width,) of a gate that learns nothing: one half, or drawn once; both are controls of what gates learn."""
    return torch.rand(width) if kind == "random" else torch.full((width,), 0.5)


class Mmsc(nn.Module):
    """Content head, a path encoder a task, the gates, and the projections that scores are made of."""

    def __init__(self, recipe: MmscRecipe, token_sizes: dict[str, int], item_features: Tensor) -> None:
        """``item_features`` (N, item_width) is where x starts from."""
        super().__init__()
        self.content = ContentHead(token_sizes, recipe.width)
        self.use_content = recipe.content
        self.content_share = recipe.content_share if recipe.content else 0.0
        self.items = nn.Parameter(item_features.clone())
        self.paths = nn.ModuleDict({kind: PathEncoder(recipe.paths(kind), recipe.item_width, recipe.width) for kind in KINDS})
        self.semantic = nn.ModuleDict({kind: SemanticGate(recipe.width, recipe.semantic_gate) for kind in KINDS})
        self.task = nn.ModuleDict({kind: TaskGate(recipe.width, recipe.task_gate) for kind in KINDS})
        self.project = nn.ModuleDict({name: _projection(recipe.width) for name in ("substitute", "complement_source", "complement_target")})

    def contents(self, tokens: Tokens) -> Tensor:
        """Return q (B, width), L2-normalised."""
        q: Tensor = self.content(tokens)
        return q if self.use_content else torch.zeros_like(q)

    def behaviour(self, nodes: Tensor, walks: Walks) -> Behaviour:
        """Return p of ``nodes`` (B,) from their sampled walks, L2-normalised."""
        found = {kind: self.paths[kind](self.items, nodes, walks) for kind in KINDS}
        return Behaviour({k: F.normalize(p, dim=-1) for k, (p, _) in found.items()}, {k: known for k, (_, known) in found.items()})

    def content_shares(self, q: Tensor, behaviour: Behaviour) -> dict[str, Tensor]:
        """Return the mean (B,) of each task's semantic gate over its units: 1 is content alone, 0 behaviour alone."""
        gates = {kind: cast("SemanticGate", self.semantic[kind]) for kind in KINDS}
        return {k: gate.gate(q, F.normalize(behaviour.p[k], dim=-1), behaviour.known[k]).mean(1) for k, gate in gates.items()}

    def relate(self, q: Tensor, behaviour: Behaviour) -> Relational:
        """Return the vectors (B, 2 width) of items from content q (B, width) and behaviour: all that serving a new item needs (Eq. 12).

        Those with behaviour and those by content alone lie side by side, so that a score is the mean of both readings' scores, which
        by content alone weighing ``content_share``: paths remember who met whom, content carries that over to who never met (ADR 7).
        """
        both = zip(self.read(q, behaviour), self.read(q, behaviour.unknown()), strict=True)
        weights = ((1 - self.content_share) ** 0.5, self.content_share**0.5)
        return Relational(*(torch.cat([first * weights[0], second * weights[1]], dim=-1) for first, second in both))

    def read(self, q: Tensor, behaviour: Behaviour) -> Relational:
        """Return one reading of the items: vectors (B, width) from content and what behaviour is known."""
        z = {kind: self.semantic[kind](q, F.normalize(behaviour.p[kind], dim=-1), behaviour.known[kind]) for kind in KINDS}
        substitute = self.task["substitute"](z["substitute"], z["complement"])
        complement = self.task["complement"](z["complement"], z["substitute"])
        return Relational(
            F.normalize(self.project["substitute"](substitute), dim=-1),
            F.normalize(self.project["complement_source"](complement), dim=-1),
            F.normalize(self.project["complement_target"](complement), dim=-1),
        )


def _projection(width: int) -> nn.Linear:
    layer = nn.Linear(width, width, bias=False)
    nn.init.eye_(layer.weight)
    return layer
