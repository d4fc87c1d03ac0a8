"""Recipes of CIRP: a run is one of these values, whole; nothing else decides a result but the data."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT
from training.dataset import BOUGHT_TOGETHER

Term = Literal["itc", "cic"]
Modality = Literal["text", "image"]
Relation = Literal["co_purchase", "also_bought", "bought_together", "co_view", "also_viewed", "then_bought", "alike", "two_hop"]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Stage:
    """A first stage of ITC alone: how long, how fast, and how many layers of each tower learn in it."""

    epochs: Count
    lr: float
    trained_text_layers: int
    trained_image_layers: int


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MapTrial:
    """Projections that learn anew beside still towers (``training.cirp.maps``): at which rate, and whether their hidden layers learn, too."""

    rate: Annotated[float, Field(gt=0)]
    hidden: bool


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CirpRecipe:
    """Towers, objective and budget."""

    towers: Literal["small", "blip"]
    weights: str = ""
    """Folder or hub id of BLIP's checkpoint; the small recipe's text tower is an installed package."""
    revision: str = ""
    """Commit of a hub id (40 hex digits); a folder needs none."""
    image_px: Count
    max_tokens: Count
    """Tokens a text is cut at, in training and inference."""
    train_tokens: Count
    """Tokens of each text that training reads of them."""
    trained_text_layers: int
    """The upper layers of the text tower that learn; those below are frozen."""
    words: bool = False
    """Whether the text tower reads a bag of rare words beside what the encoder makes of a text."""
    trained_image_layers: int = 0
    """The same of BLIP's image tower; the small one learns whole."""
    dim: Count
    """Width of the common space."""
    terms: tuple[Term, ...] = ("itc", "cic")
    itc_weight: Annotated[float, Field(gt=0)] = 1.0
    """ITC beside CIC; the paper weighs both alike."""
    feature_term: bool = True
    """Whether CIC has a term on the feature that ranks, beside the cross-modal ones."""
    queue: Annotated[int, Field(ge=0)]
    """Vectors of earlier batches that are negatives too; the momentum encoder's where there is one."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How much of itself the momentum encoder keeps at each step; 0: there is none, and items are compared with the encoder's own vectors."""
    soft_targets: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of ITC's target that is the momentum encoder's similarities."""
    ramp_epochs: Annotated[float, Field(gt=0)] = 2.0
    """Epochs over which that share rises from 0."""
    relations: tuple[Relation, ...] = BOUGHT_TOGETHER
    """Whose edges make the item graph; ``alike`` and ``two_hop`` are made of items and edges (``training.cirp.edges``)."""
    part_variants: bool = False
    """Whether variants of one product are neither neighbours nor negatives of each other."""
    edge_weights: bool = False
    """Whether an edge's terms in CIC count by its weight (NPMI times the judge's verdict)."""
    learned_missing: bool = False
    """Whether a learned vector stands in the feature for a text or picture that is missing; else the other one stands alone."""
    batch: Count
    """Items a batch holds."""
    accumulate: Count = 1
    """Batches of a step: the items of all of them are each other's negatives, in the memory of one."""
    neighbours: int = 3
    """Neighbours drawn for each item that leads a batch, where items do; every known edge within the batch is a positive."""
    by_edges: bool = False
    """Whether a batch is the ends of random edges and some items without any, not random items and their neighbours. The items without any
    are no negatives of CIC then: they may be new, and nothing is known of what goes with them."""
    one_category: bool = False
    """Whether the items that lead a batch, where items do, are of one category, which makes negatives hard."""
    item_updates: Count
    """Budget: epochs = updates / items, between 1 and ``max_epochs``."""
    max_epochs: Count
    lr: float
    tower_lr_scale: float
    """Learning rate of pretrained layers, as a share of ``lr``."""
    projection_steps: Annotated[int, Field(ge=0)] = 0
    """Steps at the whole learning rate that the text's projection, which begins as a map of a pretrained space, moves as far as; 0: no bound.
    Where there are more, its rate is as much lower: what it learns beyond holds of the items that were sold, and of no new one."""
    picture_share: Annotated[float, Field(gt=0)] = 1.0
    """What a picture counts for in the feature, beside a text's 1."""
    picture_share_learns: bool = False
    maps: tuple[MapTrial, ...] = ()
    """What the last stage tries, for validation to choose from; (): no such stage."""
    map_steps: Count = 1_200
    """Optimizer steps of each trial at most."""
    weight_decay: float = 0.05
    warmup: int = 20
    temperature: float = 0.07
    by_weight: bool = False
    """Whether neighbours are drawn by their edge's weight."""
    precision: Literal["float32", "bfloat16"] = "float32"
    save_memory: bool = False
    """Whether what the towers' layers compute is forgotten and computed again for the gradient."""
    compiled: bool = False
    """Whether torch compiles the towers' layers."""
    before: Stage | None = None
    """ITC over all items, on the whole towers, before this recipe begins (the paper's stage A)."""
    seed: int = 42
    shuffle_neighbours: bool = False
    """Control: every edge gets another item's end, masks included."""
    drop: tuple[Modality, ...] = ()
    """Control: modalities that are taken as missing everywhere."""
    untrained: bool = False
    """Control: no step is taken."""

    def __post_init__(self) -> None:
        if self.soft_targets and not self.momentum:
            raise ValueError("soft_targets are the momentum encoder's: set momentum, for example 0.995")


def cirp_small() -> CirpRecipe:
    """MiniLM, frozen, read once a text + a ConvNet from scratch + projections: two CPU cores, minutes.

    Training MiniLM's last layer (``trained_text_layers=1``) runs at about 300 texts a second: the budget would hold too few steps.
    No queue: without momentum encoders its stale negatives make all vectors collapse (loss at ln K). ITC weighs a tenth: where a
    picture and its text tell different things, pulling them together costs what ranks. docs/adr/0003 has the figures.
    """
    return CirpRecipe(
        towers="small",
        words=True,
        image_px=64,
        max_tokens=64,
        train_tokens=32,
        trained_text_layers=0,
        dim=384,
        itc_weight=0.1,
        part_variants=True,
        by_edges=True,
        queue=0,
        batch=256,
        item_updates=240_000,
        max_epochs=60,
        lr=3e-3,
        tower_lr_scale=0.1,
        projection_steps=300,
        picture_share=0.5,
        picture_share_learns=True,
        maps=(MapTrial(rate=1e-4, hidden=False), MapTrial(rate=1e-3, hidden=False), MapTrial(rate=1e-3, hidden=True)),
    )


def cirp_blip_base() -> CirpRecipe:
    """BLIP-base as the paper's code trains it: ITC on the whole towers, then both terms with the lower half frozen; for a GPU.

    ``weights`` and ``revision`` (or a folder) are the user's to give: no hub is asked for anything that is not pinned.
    """
    return CirpRecipe(
        towers="blip",
        image_px=384,
        max_tokens=64,
        train_tokens=30,
        trained_text_layers=6,
        trained_image_layers=6,
        dim=256,
        feature_term=False,
        queue=57_600,
        momentum=0.995,
        soft_targets=0.4,
        learned_missing=True,
        batch=64,
        item_updates=2_000_000,
        max_epochs=10,
        lr=1e-5,
        tower_lr_scale=1.0,
        warmup=0,
        precision="bfloat16",
        save_memory=True,
        compiled=True,
        before=Stage(epochs=10, lr=3e-5, trained_text_layers=12, trained_image_layers=12),
    )


RECIPES = {"cirp_small": cirp_small, "cirp_blip_base": cirp_blip_base}
