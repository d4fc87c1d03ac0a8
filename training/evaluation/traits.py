"""What is known of a model beside how it ranks: an encoder's training and space, and what MMSC's gates let through."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from goeswith.results import Figure
from training.cirp.files import read_summary
from training.cirp.fit import SPACE, UNTRAINED
from training.dataset import Bools, Floats
from training.evaluation.tables import ENCODER, GATES
from training.evaluation.traits_page import TRAITS
from training.evaluation.world import World
from training.mmsc.stored import load_vectors


def encoder_figures(folder: Path, data: str, seed: int) -> Iterator[Figure]:
    """Yield the figures of CIRP in ``folder`` and of the same encoder untrained; nothing where it holds none."""
    trained, before = read_summary(folder), folder / UNTRAINED / SPACE
    rows = {"cirp": {**trained, **trained.get("space", {})}}
    if before.is_file():
        rows["untrained"] = json.loads(before.read_text(encoding="utf-8"))
    for model, values in rows.items():
        for metric in TRAITS[ENCODER]:
            if metric in values:
                yield Figure(task=ENCODER, data=data, slice="all", model=model, metric=metric, value=float(values[metric]), seed=seed)


def gate_figures(folder: Path, world: World, seed: int) -> Iterator[Figure]:
    """Yield what the gates of the MMSC in ``folder`` let through, mean over items; nothing where it holds none.

    Of attention, items with both text and picture count, of shares those with behaviour in the task. Where the truth knows whose picture shows
    another item, those in conflict and those that agree stand apart, too.
    """
    if not (folder / "vectors.safetensors").is_file():
        return
    tensors = load_vectors(folder / "vectors.safetensors").tensors
    conflict = None if world.truth is None else world.truth.conflict
    parts = {"all": np.ones(len(world.training.items), dtype=np.bool_)}
    if conflict is not None:
        parts |= {"conflicting": conflict, "agreeing": ~conflict}
    for metric in TRAITS[GATES]:
        for part, mask in parts.items():
            if (counted := mask & _counts(metric, tensors)).any():
                value = float(tensors[metric][counted].mean())
                yield Figure(task=GATES, data=world.data, slice=part, model="mmsc", metric=metric, value=value, n=int(counted.sum()), seed=seed)


def _counts(metric: str, tensors: Mapping[str, Floats]) -> Bools:
    """Return of which items (N,) a metric speaks."""
    if metric.startswith("content_share_"):
        return np.asarray(tensors[f"warm_{metric.removeprefix('content_share_')}"] > 0)
    return np.asarray(tensors["plain_text"].any(1) & tensors["plain_image"].any(1))
