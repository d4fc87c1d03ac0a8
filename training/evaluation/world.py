"""All that one evaluation reads, at pinned versions: the training set, what the holdout reserves, and the truth where it exists."""

from dataclasses import dataclass

import numpy as np

from goeswith.errors import DataContractError
from goeswith.jobs import JobRun
from training.bundle_cases import BundleCases, leave_one_out
from training.dataset import Times, TrainingSet, read_training_set
from training.evaluation.truth import Truth, read_truth
from training.reserved import Reserved, Units, read_known_at, read_reserved, read_units


@dataclass(frozen=True, slots=True)
class World:
    """``training`` leaves the holdout out; ``full`` (the published graph) only tells the true edges of cold items."""

    data: str
    training: TrainingSet
    full: TrainingSet
    test: Reserved
    test_bundles: BundleCases
    bundle_source: str
    """'bundles' or 'baskets': what a unit of the bundle task is."""
    validation_bundles: BundleCases
    planted_bundles: BundleCases | None
    known_at: Times
    truth: Truth | None


def read_world(job: JobRun, *, data: str, max_cases: int, seed: int) -> World:
    """Read everything that the protocols need. Raises ``DataContractError`` where validation and test overlap."""
    version = job.version_of("training_sets")
    training, full = (read_training_set(job.profile, version=version, run=job.run_id, graph=graph) for graph in ("evaluation", "full"))
    test, validation = read_reserved(job, "test"), read_reserved(job, "validation")
    refuse_overlap(test, validation)
    units = read_units(job, test)
    truth = read_truth(job.profile.truth, training)
    tested = build_cases(units, training, max_cases=max_cases, seed=seed)
    chosen = build_cases(read_units(job, validation), training, max_cases=max_cases, seed=seed)
    return World(
        data=data,
        training=training,
        full=full,
        test=test,
        test_bundles=tested,
        bundle_source=units.what,
        validation_bundles=drop_tested_pairs(chosen, tested, len(training.items)),
        planted_bundles=_planted(truth, max_cases, seed),
        known_at=read_known_at(job, training.index),
        truth=truth,
    )


def refuse_overlap(test: Reserved, validation: Reserved) -> None:
    """Raise ``DataContractError`` where something is both chosen on and tested on."""
    for name in ("baskets", "bundles", "items"):
        both = getattr(test, name) & getattr(validation, name)
        if both:
            raise DataContractError(f"holdout reserves {name} {sorted(both)[0]!r} for validation and for test", "run the job reserve_holdout again")


def build_cases(units: Units, training: TrainingSet, *, max_cases: int, seed: int) -> BundleCases:
    """Return leave-one-out cases over the items that the training set knows."""
    at = training.index
    members = [[at[item] for item in unit if item in at] for unit in units.members]
    return leave_one_out(members, units.times, max_cases=max_cases, seed=seed)


def _planted(truth: Truth | None, max_cases: int, seed: int) -> BundleCases | None:
    if truth is None or not truth.bundles:
        return None
    return leave_one_out(truth.bundles, np.full(len(truth.bundles), np.datetime64("NaT", "us")), max_cases=max_cases, seed=seed)


def drop_tested_pairs(cases: BundleCases, tested: BundleCases, size: int) -> BundleCases:
    """Return the cases whose (given, target) pairs are all untested: no test pair stands in what a head is fitted on."""
    pairs = {a * size + b for unit in tested.units for a in unit for b in unit if a != b}
    clean = [not any(g * size + int(cases.target[case]) in pairs for g in cases.given(case)) for case in range(len(cases))]
    return cases.take(np.flatnonzero(clean))
