"""Which questions are fair: both models know their items, and neither was trained on their answer."""

from dataclasses import replace

import numpy as np

from training.bundle_cases import BundleCases
from training.evaluation.relation_suites import Suite, relation_suites
from training.evaluation.world import World
from training.promotion.champion import Common

UNFAIR = ("planted_all",)
"""Slices that hold known edges on purpose: looking up is not what is compared."""


def fair_suites(world: World, common: Common, kind: str, *, max_queries: int, seed: int) -> list[Suite]:
    """Return the slices of a relation type with the questions that are fair; those without one are left out."""
    suites = relation_suites(world, kind, max_cases=max_queries, seed=seed)
    found = [_fair(suite, common) for suite in suites if not suite.strict and suite.slice not in UNFAIR]
    return [suite for suite in found if len(suite.cases)]


def _fair(suite: Suite, common: Common) -> Suite:
    """What the champion knows of a query is no negative either: it would rank a true neighbour first and lose by it."""
    cases, joined = suite.cases, common.joined(suite.cases.kind)
    fair = common.known[cases.src] & common.known[cases.dst] & (np.asarray(joined[cases.src, cases.dst]).ravel() == 0)
    if suite.slice == "cold":
        fair &= common.degrees[cases.src] == 0
    kept = replace(cases.take(np.flatnonzero(fair)), known=(cases.known + joined).tocsr())
    parts = {name: mask[fair] for name, mask in suite.parts.items()}
    return replace(suite, cases=kept, parts={name: mask for name, mask in parts.items() if mask.any()})


def fair_bundles(cases: BundleCases, common: Common) -> BundleCases:
    """Return the cases whose target and given items both models know."""
    whole = np.array([common.known[list(unit)].all() for unit in cases.units], dtype=np.bool_)
    return cases.take(np.flatnonzero(whole[cases.unit]))
