"""What experiments change (in CIRP's recipe, in MMSC's, in the graph that both are trained on), and which make a suite."""

from dataclasses import dataclass, field
from typing import Any

from training.cirp.recipe import cirp_small

MOMENTUM = {"momentum": 0.995, "queue": 1_024}
CONTROLS = ("random", "degree", "spectral")


@dataclass(frozen=True, slots=True)
class Variant:
    """What an experiment changes in the recipes; ``mmsc`` None leaves that model out."""

    cirp: dict[str, Any] = field(default_factory=dict)
    mmsc: dict[str, Any] | None = None
    pruning: dict[str, Any] | None = None
    """Parameters of ``prune_pairs``; None takes the graph as the main cell has it."""
    leaky: bool = False
    """Train on the graph that still holds the test sessions: what that seems to give is no result, and is labelled so."""

    @property
    def of_modalities(self) -> bool:
        """Whether it leaves pictures or texts out: nothing to change where a source has only one of them."""
        return "drop" in self.cirp


ABLATIONS: dict[str, Variant] = {
    "no_pictures": Variant({"drop": ["image"]}, {"modalities": ["text"]}),
    "no_texts": Variant({"drop": ["text"]}, {"modalities": ["image"]}),
    "no_behaviour": Variant({"terms": ["itc"]}, {"substitute_paths": [], "complement_paths": []}),
    "shuffled_neighbours": Variant({"shuffle_neighbours": True}),
    "cic_only": Variant({"terms": ["cic"]}),
}
"""Of both models. ``no_behaviour`` is CIRP by ITC only, and MMSC without the graph as input (it still supervises)."""


def budget(share: int) -> dict[str, Any]:
    """Return the fields of a recipe that is trained for ``share`` percent of the whole budget."""
    whole = cirp_small()
    return {"item_updates": whole.item_updates * share // 100, "map_steps": whole.map_steps * share // 100}


def pruned(rate: int, scorer: str, **more: Any) -> Variant:
    """Return CIRP on a graph that lost ``rate`` percent of its purchase pairs, trained for as much less; ``more`` is the pruning job's."""
    return Variant(budget(100 - rate), pruning={"rate": rate / 100, "scorer": scorer, **more})


CORE: dict[str, Variant] = {
    "image_only": Variant({"drop": ["text"]}),
    "text_only": Variant({"drop": ["image"]}),
    "itc_only": Variant({"terms": ["itc"]}),
    "cic_only": Variant({"terms": ["cic"]}),
    "shuffled_neighbours": Variant({"shuffle_neighbours": True}),
    "momentum_queue": Variant(MOMENTUM),
    "soft_targets": Variant({**MOMENTUM, "soft_targets": 0.4}),
    "budget_10": Variant(budget(10)),
    "prune_50": pruned(50, "lightgcn"),
    "prune_90": pruned(90, "lightgcn"),
    **{f"prune_90_{scorer}": pruned(90, scorer) for scorer in CONTROLS},
    "leaky": Variant(leaky=True),
}
"""Of CIRP alone. ``budget_10`` is the control of ``prune_90``: as short, on the whole graph."""

FULL: dict[str, Variant] = {
    "across_modalities_only": Variant({"feature_term": False}),
    "equal_terms": Variant({"itc_weight": 1.0}),
    "no_maps": Variant({"maps": []}),
    "no_word_codes": Variant({"words": False}),
    "variants_are_neighbours": Variant({"part_variants": False}),
    "items_lead": Variant({"by_edges": False}),
    "last_layer_learns": Variant({"trained_text_layers": 1, "item_updates": budget(10)["item_updates"]}),
    "edge_weights": Variant({"edge_weights": True}),
    "items_lead_by_weight": Variant({"by_edges": False, "by_weight": True}),
    "items_lead_one_category": Variant({"by_edges": False, "one_category": True}),
    "items_lead_neighbours_1": Variant({"by_edges": False, "neighbours": 1}),
    "negatives_64": Variant({"batch": 64}),
    "negatives_1024": Variant({"accumulate": 4}),
    **{f"on_{name}": Variant({"relations": [name]}) for name in ("co_view", "then_bought", "alike", "two_hop")},
    "on_all_relations": Variant({"relations": ["co_purchase", "co_view", "then_bought", "alike", "two_hop"]}),
    **{f"prune_{rate}": pruned(rate, "lightgcn") for rate in (10, 30, 70)},
    **{f"prune_{rate}_{scorer}": pruned(rate, scorer) for rate in (10, 30, 50, 70) for scorer in ("random", "degree")},
    "prune_50_negatives_8": pruned(50, "lightgcn", negatives=8),
    "prune_50_negatives_by_degree": pruned(50, "lightgcn", negatives_by="degree"),
}
"""Of CIRP alone, too: what takes longer than an afternoon with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of data by the name that figures have, the connector that reads it, and its folder below that of all data."""

    name: str
    kind: str
    folder: str = ""
    pictures: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Which variants stand beside the main cells, ``full`` ones only where asked for, and which sources are taken where none is named."""

    variants: dict[str, Variant] = field(default_factory=dict)
    full: dict[str, Variant] = field(default_factory=dict)
    sources: tuple[str, ...] = ("synthetic",)
    varied: tuple[str, ...] = ()
    """Sources whose cells are varied, where none is named; those of ``varied_in_full`` only where it is asked for."""
    varied_in_full: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ("bundle", "relations")


CLOTHING = "bundlerec-clothing"
SOURCES = {
    source.name: source
    for source in (
        Source(name="synthetic", kind="synthetic"),
        Source(name="hm", kind="hm", folder="hm"),
        Source(name=CLOTHING, kind="bundlerec", folder="bundlerec/clothing", pictures=False),
        Source(name="bundlerec-electronic", kind="bundlerec", folder="bundlerec/electronic", pictures=False),
    )
}
SUITES = {
    "main": Suite(),
    "ablations": Suite(variants=ABLATIONS, varied=("synthetic",)),
    "cirp": Suite(variants=CORE, full=FULL, sources=tuple(SOURCES), varied=("synthetic", CLOTHING), varied_in_full=("hm",), tasks=("bundle",)),
}
VARIANTS: dict[str, Variant] = {**CORE, **FULL, **ABLATIONS}
