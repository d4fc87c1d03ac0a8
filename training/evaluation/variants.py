"""What experiments change (in CIRP's recipe, in MMSC's, in the graph that both are trained on), and which make a suite."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from training.cirp.recipe import cirp_small
from training.mmsc.recipe import mmsc_small

MOMENTUM = {"momentum": 0.995, "queue": 1_024}
CONTROLS = ("random", "degree", "lightgcn")


GraphJobs = Mapping[str, dict[str, Any] | None]
"""Parameters of the jobs that make the graph, by name; None leaves a job out."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What an experiment changes in the recipes; ``cirp`` None takes CIRP as the main cell trained it, ``mmsc`` None leaves that model out."""

    cirp: dict[str, Any] | None = field(default_factory=dict)
    mmsc: dict[str, Any] | None = None
    graph: GraphJobs = field(default_factory=dict)
    """What makes the graph differ; where it is empty, the graph is the main cell's."""
    lie: str = ""
    """Name of false edges (``training.evaluation.noise``) that the training pairs get."""
    leaky: bool = False
    """Train on the graph that still holds the test sessions: what that seems to give is no result, and is labelled so."""

    @property
    def of_modalities(self) -> bool:
        """Whether it leaves pictures or texts out: nothing to change where a source has only one of them."""
        return "drop" in (self.cirp or {}) or "modalities" in (self.mmsc or {})


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
    return Variant(budget(100 - rate), graph={"prune_pairs": {"rate": rate / 100, "scorer": scorer, **more}})


CORE: dict[str, Variant] = {
    "image_only": Variant({"drop": ["text"]}),
    "text_only": Variant({"drop": ["image"]}),
    "itc_only": Variant({"terms": ["itc"]}),
    "cic_only": Variant({"terms": ["cic"]}),
    "shuffled_neighbours": Variant({"shuffle_neighbours": True}),
    "momentum_queue": Variant(MOMENTUM),
    "soft_targets": Variant({**MOMENTUM, "soft_targets": 0.4}),
    "budget_10": Variant(budget(10)),
    "prune_50": pruned(50, "spectral"),
    "prune_90": pruned(90, "spectral"),
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
    **{f"prune_{rate}": pruned(rate, "spectral") for rate in (10, 30, 70)},
    **{f"prune_{rate}_{scorer}": pruned(rate, scorer) for rate in (10, 30, 50, 70) for scorer in ("random", "degree")},
    "prune_50_lightgcn": pruned(50, "lightgcn"),
    "prune_50_negatives_8": pruned(50, "lightgcn", negatives=8),
    "prune_50_negatives_by_degree": pruned(50, "lightgcn", negatives_by="degree"),
}
"""Of CIRP alone, too: what takes longer than an afternoon with the others."""


def mmsc(**changes: Any) -> Variant:
    """Return MMSC with another recipe over the main cell's CIRP and graph."""
    return Variant(None, changes)


def judged(share: float) -> Variant:
    """Return MMSC on a graph of which the judge saw ``share`` of the pairs, at random."""
    return Variant(None, {}, graph={"judge_edges": {"share": share, "first": "random"} if share else None})


def lied_to(lie: str, **changes: Any) -> Variant:
    """Return MMSC on training pairs with false edges among them."""
    return Variant(None, changes, lie=lie)


NO_PATHS: dict[str, Any] = {"substitute_paths": [], "complement_paths": []}
EVERY_PATH = ["".join(hops) for count in (1, 2, 3) for hops in product("sc", repeat=count)]
"""Learned meta-paths: every sequence of relations up to three hops, and attention over paths, item by item, says which count."""
INDEPENDENT: dict[str, Any] = {
    "substitute_paths": [*mmsc_small().substitute_paths, "a", "as"],
    "complement_paths": [*mmsc_small().complement_paths, "ac"],
}
"""Paths along items of near content, too: an item-item structure apart from who met whom (frozen, as FREEDOM has it, arXiv 2211.06924)."""
NOT_DENOISED: dict[str, Any] = {"ssl_weight": 0.0}

MMSC_CORE: dict[str, Variant] = {
    **{name: ABLATIONS[name] for name in ("no_pictures", "no_texts")},
    "no_content": mmsc(content=False),
    "no_paths": mmsc(**NO_PATHS),
    "one_hop": mmsc(substitute_paths=["s"], complement_paths=["c"]),
    "two_hops": mmsc(substitute_paths=["s", "ss", "cc"], complement_paths=["c", "sc", "cs"]),
    "every_path": mmsc(substitute_paths=EVERY_PATH, complement_paths=EVERY_PATH),
    "independent_structure": mmsc(**INDEPENDENT),
    "no_denoising": mmsc(**NOT_DENOISED),
    "half_semantic_gate": mmsc(semantic_gate="half"),
    "half_task_gate": mmsc(task_gate="half"),
    "random_fusion": mmsc(semantic_gate="random", task_gate="random"),
    "no_trees": mmsc(trees=False),
    "no_verdicts": judged(0),
    "noise_40": lied_to("noise-40"),
    "noise_40_no_denoising": lied_to("noise-40", **NOT_DENOISED),
}
"""Of MMSC: what is left out, and the worst of the false edges with denoising and without."""

MMSC_FULL: dict[str, Variant] = {
    "no_verdict_weights": mmsc(verdict_weights=False),
    "hidden_at_random": mmsc(hide="any"),
    "losses_in_time": mmsc(in_time=True),
    "stale_walks": mmsc(fresh_walks=False),
    **{f"judged_{percent}": judged(percent / 100) for percent in (5, 20, 50)},
    **{f"noise_{percent}": lied_to(f"noise-{percent}") for percent in (10, 20)},
    **{f"exchanged_{percent}": lied_to(f"exchanged-{percent}") for percent in (10, 20, 40)},
    "exchanged_40_no_denoising": lied_to("exchanged-40", **NOT_DENOISED),
    **{lie: lied_to(lie) for lie in ("bots", "mislabelled")},
}
"""Of MMSC, too: more shares, and lies of other kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of data by the name that figures have, the connector that reads it, and its folder below that of all data."""

    name: str
    kind: str
    folder: str = ""
    pictures: bool = True
    options: tuple[tuple[str, str], ...] = ()
    """The connector's options, by name."""
    holdout: tuple[tuple[str, Any], ...] = ()
    """What of ``reserve_holdout`` is other than by default."""
    published: str = ""
    """The test file in that folder whose pairs and labels the data's authors published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Which variants stand beside the main cells, ``full`` ones only where asked for, and which sources are taken where none is named."""

    variants: dict[str, Variant] = field(default_factory=dict)
    full: dict[str, Variant] = field(default_factory=dict)
    sources: tuple[str, ...] = ("synthetic",)
    in_full: tuple[str, ...] = ()
    """Further sources, where everything is asked for."""
    varied: tuple[str, ...] = ()
    """Sources whose cells are varied, where none is named; those of ``varied_in_full`` only where it is asked for."""
    varied_in_full: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ("bundle", "relations")


CLOTHING, BEAUTY = "bundlerec-clothing", "amazon-beauty"
EARLIER = {"hm-80": 0.2, "hm-60": 0.4}
"""Share of H&M's baskets that are later than what is tested: the same shop as of earlier days, two of three rolling origins."""
TITLED = (("relations", "../../amazon2014_relations/clothing_titled_relations_joined_to_bundlerec.csv"),)
SOURCES = {
    source.name: source
    for source in (
        Source(name="synthetic", kind="synthetic"),
        Source(name="hm", kind="hm", folder="hm"),
        *(Source(name=name, kind="hm", folder="hm", holdout=(("later_share", later),)) for name, later in EARLIER.items()),
        Source(name=CLOTHING, kind="bundlerec", folder="bundlerec/clothing", pictures=False),
        Source(name="bundlerec-electronic", kind="bundlerec", folder="bundlerec/electronic", pictures=False),
        Source(name=BEAUTY, kind="amazon-relations", folder="amazon2014_relations/Beauty", pictures=False),
        Source(name="amazon-clothing", kind="amazon-relations", folder="amazon2014_relations/Clothing", pictures=False),
        Source(name="clothing-titled", kind="bundlerec", folder="bundlerec/clothing", pictures=False, options=TITLED),
        Source(name="gatne", kind="gatne", folder="gatne_amazon", pictures=False, published="test.txt"),
    )
}
BUNDLES = ("synthetic", "hm", CLOTHING, "bundlerec-electronic")
RELATIONS = ("synthetic", "hm", BEAUTY, "amazon-clothing", "clothing-titled", "gatne")
SUITES = {
    "main": Suite(),
    "ablations": Suite(variants=ABLATIONS, varied=("synthetic",)),
    "cirp": Suite(variants=CORE, full=FULL, sources=BUNDLES, varied=("synthetic", CLOTHING), varied_in_full=("hm",), tasks=("bundle",)),
    "mmsc": Suite(
        variants=MMSC_CORE,
        full=MMSC_FULL,
        sources=RELATIONS,
        in_full=tuple(EARLIER),
        varied=("synthetic", BEAUTY),
        tasks=("relations",),
    ),
}
VARIANTS: dict[str, Variant] = {**CORE, **FULL, **MMSC_CORE, **MMSC_FULL, **ABLATIONS}
