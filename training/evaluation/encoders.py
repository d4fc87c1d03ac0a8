"""What is known of an encoder beside how it ranks: how long it trained, on how many edges, and how coherent its space is."""

import json
from collections.abc import Iterator
from pathlib import Path

from goeswith.results import Figure
from training.cirp.files import read_summary
from training.cirp.fit import SPACE, UNTRAINED
from training.evaluation.encoder_page import METRICS
from training.evaluation.tables import ENCODER


def encoder_figures(folder: Path, data: str, seed: int) -> Iterator[Figure]:
    """Yield the figures of CIRP in ``folder`` and of the same encoder untrained; nothing where it holds none."""
    trained, before = read_summary(folder), folder / UNTRAINED / SPACE
    rows = {"cirp": {**trained, **trained.get("space", {})}}
    if before.is_file():
        rows["untrained"] = json.loads(before.read_text(encoding="utf-8"))
    for model, values in rows.items():
        for metric in METRICS:
            if metric in values:
                yield Figure(task=ENCODER, data=data, slice="all", model=model, metric=metric, value=float(values[metric]), seed=seed)
