"""The whole evaluation: bundle completion, substitutes and complements, every contender in the same table."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from goeswith.results import Figure
from training.bundle_cases import BundleCases
from training.evaluation.bundle_protocol import BundleRanks, bundle_slices, rank_bundles
from training.evaluation.calibration import calibration_figures
from training.evaluation.contenders import Contenders
from training.evaluation.graph import KINDS
from training.evaluation.metrics import BUNDLE_METRICS, RELATION_METRICS, Values
from training.evaluation.ranker import RelationRanker
from training.evaluation.relation_protocol import direction_values, rank_relations
from training.evaluation.relation_suites import Suite, relation_suites, strict_training_set
from training.evaluation.samples import Sample, bundle_samples, relation_samples
from training.evaluation.tables import Measured, Slice, every_case, slice_figures
from training.evaluation.world import World
from training.mmsc.scorer import MmscScorer
from training.scorers import BundleScorer, RelationScorer

DIRECTION_METRICS = {"accuracy": lambda values: values}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: queries a relation's slice, bootstrap draws, and the seed of every choice."""

    max_queries: int
    bootstrap: int
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures, and a few answers case by case."""

    figures: list[Figure]
    samples: list[Sample]


def evaluate_bundles(world: World, contenders: Contenders, shared: Sequence[RelationRanker], plan: Plan) -> Outcome:
    """Measure bundle completion on the held-out units and, where it exists, on planted bundles."""
    sets = {"held": world.test_bundles, "planted": world.planted_bundles}
    present = {name: cases for name, cases in sets.items() if cases is not None and len(cases)}
    if not present:
        contenders.skip("bundle", "nothing of two items or more is held out")
        return Outcome([], [])
    scorers = contenders.for_bundles(world, shared)
    figures: list[Figure] = []
    for name, cases in present.items():
        figures += _bundle_figures(world, scorers, cases, name, plan)
    return Outcome(figures, bundle_samples(scorers, next(iter(present.values())), world.training))


def _bundle_figures(world: World, scorers: Sequence[BundleScorer], cases: BundleCases, name: str, plan: Plan) -> list[Figure]:
    ranks: dict[str, BundleRanks] = {}
    seconds: dict[str, float] = {}
    for scorer in scorers:
        started = time.monotonic()
        ranks[scorer.name] = rank_bundles(scorer, cases, world.training, world.known_at)
        seconds[scorer.name] = time.monotonic() - started
    slices = bundle_slices(cases, world.training) if name == "held" else {name: every_case(len(cases))}
    figures: list[Figure] = []
    for part, mask in slices.items():
        measured = {m: Measured(_ranks_of(found, part), seconds[m]) for m, found in ranks.items()}
        figures += slice_figures(
            Slice("bundle", world.data, part, mask, cases.unit), measured, BUNDLE_METRICS, "recall@20", draws=plan.bootstrap, seed=plan.seed
        )
    return figures


def _ranks_of(found: BundleRanks, part: str) -> Values:
    return found.no_variants if part == "no_variants" else found.all


def evaluate_relations(world: World, contenders: Contenders, shared: Sequence[RelationRanker], plan: Plan) -> Outcome:
    """Measure both relation types, slice by slice."""
    figures: list[Figure] = []
    samples: list[Sample] = []
    for kind in KINDS:
        suites = relation_suites(world, kind, max_cases=plan.max_queries, seed=plan.seed)
        if not suites:
            contenders.skip(f"{kind}s", "no edge is held out, no truth is planted and no basket tells")
            continue
        scorers = contenders.for_relations(world.training, kind, shared, strict=False)
        samples += relation_samples(scorers, suites[0].cases, world.training)
        figures += _relation_figures(world, [s for s in suites if not s.strict], scorers, plan)
        figures += _calibration(world, [s for s in suites if not s.strict], scorers, plan)
        figures += _strict_figures(world, contenders, kind, [s for s in suites if s.strict], plan)
    return Outcome(figures, samples)


def _strict_figures(world: World, contenders: Contenders, kind: str, suites: Sequence[Suite], plan: Plan) -> list[Figure]:
    """Measure with scorers that never saw the tested pairs, in either relation: where baselines are, for each of them learns anew."""
    if not suites or not contenders.baselines:
        return []
    training = strict_training_set(world, kind)
    scorers = contenders.for_relations(training, kind, contenders.shared(training), strict=True)
    return _relation_figures(world, suites, scorers, plan)


def _calibration(world: World, suites: Sequence[Suite], scorers: Sequence[RelationScorer], plan: Plan) -> Iterator[Figure]:
    for suite, scorer in product(suites, scorers):
        if isinstance(scorer, MmscScorer):
            yield from calibration_figures(scorer, suite, world.data, plan.seed)


def _relation_figures(world: World, suites: Sequence[Suite], scorers: Sequence[RelationScorer], plan: Plan) -> list[Figure]:
    figures: list[Figure] = []
    for suite in suites:
        measured = {scorer.name: _measure(scorer, suite, plan.seed) for scorer in scorers}
        metrics = DIRECTION_METRICS if suite.direction else RELATION_METRICS
        lead = "accuracy" if suite.direction else "ndcg@10"
        for name, mask in {suite.slice: every_case(len(suite.cases)), **suite.parts}.items():
            part = Slice(f"{suite.cases.kind}s", world.data, name, mask, suite.cases.src)
            figures += slice_figures(part, measured, metrics, lead, draws=plan.bootstrap, seed=plan.seed)
    return figures


def _measure(scorer: RelationScorer, suite: Suite, seed: int) -> Measured:
    started = time.monotonic()
    values = direction_values(scorer, suite.cases) if suite.direction else rank_relations(scorer, suite.cases, negatives=suite.negatives, seed=seed)
    return Measured(values, time.monotonic() - started)
