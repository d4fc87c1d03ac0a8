"""Both models on the fair questions: what each reached, case by case, and the difference with its interval."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goeswith.promotions import Difference, Interval
from training.bundle_cases import BundleCases
from training.dataset import Bools, Ints
from training.evaluation.bundle_protocol import bundle_slices, rank_bundles
from training.evaluation.graph import KINDS
from training.evaluation.intervals import Estimate, Resampling
from training.evaluation.metrics import Values, gains, hits
from training.evaluation.relation_protocol import direction_values, rank_relations
from training.evaluation.relation_suites import Suite
from training.evaluation.tables import MAIN_METRICS, every_case
from training.evaluation.world import World
from training.promotion.champion import Common, Models
from training.promotion.narrowed import NarrowedBundles, NarrowedRelations
from training.promotion.questions import fair_bundles, fair_suites
from training.scorers import RelationScorer

NDCG_AT, RECALL_AT = 10, 20


@dataclass(frozen=True, slots=True)
class Answered:
    """M questions of one slice, and what either model reached on each, in the task's main metric."""

    task: str
    slice: str
    metric: str
    units: Ints
    """(M,) what was sampled: the query item, the basket or the bundle."""
    query: Sequence[Sequence[str]]
    target: Sequence[str]
    champion: Values
    challenger: Values


@dataclass(frozen=True, slots=True)
class Duel:
    """Who meets whom, and what is asked: the challenger's world, of which the champion has seen nothing."""

    world: World
    challenger: Models
    champion: Models
    common: Common
    max_queries: int
    seed: int

    def answers(self) -> Iterator[Answered]:
        """Yield every task and slice that the data allows, each with what both models reached on the same questions."""
        for name, cases in (("", self.world.test_bundles), ("planted", self.world.planted_bundles)):
            fair = fair_bundles(cases, self.common) if cases is not None else None
            if fair is not None and len(fair):
                yield from self._bundles(name, fair)
        for kind in KINDS:
            for suite in fair_suites(self.world, self.common, kind, max_queries=self.max_queries, seed=self.seed):
                yield from self._relations(suite)

    def _bundles(self, name: str, cases: BundleCases) -> Iterator[Answered]:
        if self.champion.bundles is None or self.challenger.bundles is None:
            return
        training = self.world.training
        champion = NarrowedBundles(self.champion.bundles, self.common.to_champion, "champion")
        challenger = NarrowedBundles(self.challenger.bundles, self.common.to_self, "challenger")
        ranks = [rank_bundles(scorer, cases, training, self.world.known_at) for scorer in (champion, challenger)]
        slices: Mapping[str, Bools] = {name: every_case(len(cases))} if name else bundle_slices(cases, training)
        ids = training.items.ids
        for part, mask in slices.items():
            at = np.flatnonzero(mask)
            reached = [hits(found.no_variants if part == "no_variants" else found.all, RECALL_AT)[at] for found in ranks]
            query, target = [[ids[i] for i in cases.given(int(case))] for case in at], [ids[i] for i in cases.target[at]]
            yield Answered("bundle", part, MAIN_METRICS["bundle"], cases.unit[at], query, target, *reached)

    def _relations(self, suite: Suite) -> Iterator[Answered]:
        champion = NarrowedRelations(self.champion.relations, self.common.to_champion, "champion")
        challenger = NarrowedRelations(self.challenger.relations, self.common.to_self, "challenger")
        reached = [self._reached(scorer, suite) for scorer in (champion, challenger)]
        ids, task = self.world.training.items.ids, f"{suite.cases.kind}s"
        for name, mask in {suite.slice: every_case(len(suite.cases)), **suite.parts}.items():
            at = np.flatnonzero(mask)
            src, dst = suite.cases.src[at], suite.cases.dst[at]
            metric = "accuracy" if suite.direction else MAIN_METRICS[task]
            yield Answered(task, name, metric, src, [[ids[i]] for i in src], [ids[i] for i in dst], *(values[at] for values in reached))

    def _reached(self, scorer: RelationScorer, suite: Suite) -> Values:
        if suite.direction:
            return direction_values(scorer, suite.cases)
        return gains(rank_relations(scorer, suite.cases, negatives=suite.negatives, seed=self.seed), NDCG_AT)


Guarded = Callable[[Answered], bool]


def differences(answers: Iterable[Answered], guarded: Guarded, *, draws: int, seed: int) -> tuple[Difference, ...]:
    """Return what each model reached on each slice, and the challenger less the champion, by paired bootstrap over the units."""
    return tuple(_difference(each, guarded(each), draws, seed) for each in answers)


def _difference(each: Answered, is_guarded: bool, draws: int, seed: int) -> Difference:
    resampling = Resampling.of(each.units, draws=draws, seed=seed)
    champion, challenger, lead = (_interval(resampling.estimate(v)) for v in (each.champion, each.challenger, each.challenger - each.champion))
    return Difference(
        task=each.task,
        slice=each.slice,
        metric=each.metric,
        n=len(each.target),
        champion=champion,
        challenger=challenger,
        difference=lead,
        guarded=is_guarded,
    )


def _interval(found: Estimate) -> Interval:
    return Interval(value=found.value, low=found.low, high=found.high)
