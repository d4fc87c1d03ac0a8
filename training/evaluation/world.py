"""All that one evaluation reads, at pinned versions: the training set, what the holdout reserves, and the truth where it exists."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from goeswith.errors import DataContractError
from goeswith.jobs import JobRun
from training.bundle_cases import BundleCases, leave_one_out
from training.dataset import Times, TrainingSet, read_training_set
from training.evaluation.truth import Truth, read_truth
from training.reserved import Reserved, build_cases, drop_tested_pairs, read_known_at, read_reserved, read_units


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


def keep_all(reserved: Reserved) -> Reserved:
    """Return what is reserved as it is."""
    return reserved


def read_world(job: JobRun, *, data: str, max_cases: int, seed: int, keep: Callable[[Reserved], Reserved] = keep_all) -> World:
    """Read everything that the protocols need; ``keep`` may take away from what is tested.

    Raises ``DataContractError`` where validation and test overlap.
    """
    version = job.version_of("training_sets")
    training, full = (read_training_set(job.profile, version=version, run=job.run_id, graph=graph) for graph in ("evaluation", "full"))
    test, validation = keep(read_reserved(job, "test")), read_reserved(job, "validation")
    refuse_overlap(test, validation)
    units = read_units(job, test)
    truth = read_truth(job.profile.truth, training)
    sample = {"max_cases": max_cases, "seed": seed}
    return World(
        data=data,
        training=training,
        full=full,
        test=test,
        test_bundles=build_cases(units, training.index, **sample),
        bundle_source=units.what,
        validation_bundles=drop_tested_pairs(build_cases(read_units(job, validation), training.index, **sample), units, training.index),
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


def _planted(truth: Truth | None, max_cases: int, seed: int) -> BundleCases | None:
    if truth is None or not truth.bundles:
        return None
    return leave_one_out(truth.bundles, np.full(len(truth.bundles), np.datetime64("NaT", "us")), max_cases=max_cases, seed=seed)
