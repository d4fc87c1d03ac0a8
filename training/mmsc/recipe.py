"""Recipes of MMSC: one frozen value holds all that a result depends on beside the data."""

from dataclasses import asdict
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from goeswith.config import STRICT
from training.trainer.loop import TrainerConfig

Gate = Literal["learned", "half", "random"]
KINDS = ("substitute", "complement")
"""The two tasks, in the order of every stacked tensor."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MmscRecipe:
    """Sizes, paths, losses and switches. Values marked [D] in models.md are ours; a switch that is off is an ablation."""

    name: str = "mmsc_small"
    tokens: Literal["cirp", "blip2"] = "cirp"
    """Where the content head's frozen tokens come from: CIRP's towers, or BLIP-2's Q-Former beside CIRP's text."""
    blip2_model: str = ""
    """Folder of a BLIP-2 checkpoint (``tokens='blip2'``)."""
    width: int = 128
    """Width of content q, behaviour p, the fused z and h, and half of the width of the vectors that are served."""
    item_width: int = 64
    """Width of the item features x that travel along paths."""
    substitute_paths: tuple[str, ...] = ("s", "ss", "cc", "sss")
    """Letters are hops along substitutes, complements, or (``a``) items of near content, a structure that no behaviour made."""
    complement_paths: tuple[str, ...] = ("c", "sc", "cs", "scs")
    fanout: int = 10
    """Path instances sampled a path and item in training; twice as many when vectors are written."""
    in_time: bool = False
    """Read a dated pair as of the day on which it met first: walks take only edges that are older (ADR 21 says why this is not the default)."""
    fresh_walks: bool = True
    """Walk along edges by what decay and season leave of them, too."""
    drop_edges: float = 0.2
    temperature: float = 0.2
    ssl_weight: float = 0.1
    """Lambda of L = L_triplet + lambda L_ssl; 0 leaves denoising out."""
    margin: float = 0.3
    pool: int = 256
    """Uniform negatives a batch and task, shared by its pairs."""
    content_share: float = 0.6
    """Share of a score that is read by content alone; the rest is read with behaviour. Each reading has its own loss."""
    hidden: float = 0.1
    """Share of each task's pairs that no loss sees: they choose the epoch and teach the re-ranker."""
    hide: Literal["latest", "any"] = "latest"
    """Which pairs are hidden: the latest where they are dated, or any."""
    bare: float = 0.0
    """Share of the hidden pairs that teach the trees without the other task's edge between the two items either: 1 where nobody may know it."""
    trees: bool = True
    """Off: vectors alone score, nothing re-ranks."""
    max_hidden: int = 12_000
    cold_neighbours: int = 10
    cold_closeness: float = 0.5
    """Least cosine of contents for a warm item to lend its behaviour to a cold one (Eq. 12)."""
    modalities: tuple[Literal["text", "image"], ...] = ("text", "image")
    content: bool = True
    semantic_gate: Gate = "learned"
    """How content and behaviour are joined (Eq. 8): by what is learned, half and half, or by shares drawn once at random."""
    task_gate: Gate = "learned"
    """How both tasks are joined, likewise."""
    verdict_weights: bool = True
    """Off: every edge weighs 1."""
    batch: int = 1_024
    epoch_pairs: int = 40_960
    """At most so many pairs make one epoch."""
    epochs: int = 3
    """Six at ``lr`` .002 reach the NDCG@10 of hidden pairs of three at .008 (.286), three at .004 a little less (.281)."""
    pair_updates: int = 409_600
    """The budget: no more epochs than it pays for."""
    patience: int = 3
    lr: float = 8e-3
    seed: int = 42

    def paths(self, kind: str) -> tuple[str, ...]:
        """Return the meta-paths of one task."""
        return self.substitute_paths if kind == "substitute" else self.complement_paths

    def all_paths(self) -> tuple[str, ...]:
        """Return every path of both tasks and every prefix of one, shorter first: walks grow from their prefix."""
        prefixes = {path[:end] for kind in KINDS for path in self.paths(kind) for end in range(1, len(path) + 1)}
        return tuple(sorted(prefixes, key=lambda path: (len(path), path)))

    @property
    def reads_behaviour(self) -> bool:
        """Whether the graph is an input at all; without paths it only supervises."""
        return bool(self.substitute_paths or self.complement_paths)

    @property
    def reads_attributes(self) -> bool:
        """Whether category, brand and price are inputs: they are part of an item's text."""
        return self.content and "text" in self.modalities

    def trainer(self, num_pairs: int) -> TrainerConfig:
        """Return how the one trainer runs this recipe on epochs of ``num_pairs``."""
        epochs = max(1, min(self.epochs, self.pair_updates // max(1, num_pairs)))
        return TrainerConfig(epochs=epochs, lr=self.lr, patience=self.patience, seed=self.seed, warmup=20, schedule="cosine", checkpoint_every=50)


def mmsc_small() -> MmscRecipe:
    """Return the recipe for two CPU cores: CIRP's vectors as tokens."""
    return MmscRecipe()


def mmsc_blip2(model: str) -> MmscRecipe:
    """Return the paper's content: 32 Q-Former tokens of a BLIP-2 checkpoint in the folder ``model``."""
    return MmscRecipe(name="mmsc_blip2", tokens="blip2", blip2_model=model)


def as_values(recipe: MmscRecipe) -> dict[str, Any]:
    """Return a recipe as JSON values."""
    return asdict(recipe)
