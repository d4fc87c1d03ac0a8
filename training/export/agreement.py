"""How near the int8 item encoder comes to the float32 one on real items, and what each costs. B items, N of the catalogue, d width."""

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from goeswith.errors import DataContractError, ModelInvalid
from goeswith.model_contract import Agreement, EncoderReport, GraphFigures, Precision
from model_repository.graph import open_graph
from model_repository.item_encoder import OUTPUTS
from training.dataset import Floats, Ints
from training.export.preprocess import raw_items, raw_tensors
from training.export.trained import Trained

SAMPLED = 256
NEAREST = 20
FLOOR = 0.9
"""The least ``overlap_at_20`` of an encoder that is served: nine in ten of a new item's neighbours stay."""


def measure_encoders(trained: Trained, paths: Mapping[Precision, Path], served: Precision, pictures: Path) -> EncoderReport:
    """Return what both graphs cost, and how far their vectors agree. Raises ``ModelInvalid`` where int8 is to be served and agrees too little."""
    at = sample_items(trained)
    found = _encode(trained, at, paths, pictures)
    (float32, _), (int8, _) = found["float32"], found["int8"]
    catalogue = {"feature": trained.feature, "content": trained.vectors.tensors["content"]}
    agreement = {name: compare(float32[name], int8[name], everything, at) for name, everything in catalogue.items()}
    costs = {p: GraphFigures(bytes=path.stat().st_size, ms_per_item=round(found[p][1], 3)) for p, path in paths.items()}
    report = EncoderReport(precision=served, sampled=len(at), graphs=costs, agreement=agreement)
    _require_agreement(report)
    return report


def _require_agreement(report: EncoderReport) -> None:
    name, worst = min(report.agreement.items(), key=lambda each: each[1].overlap_at_20)
    if report.precision == "int8" and not worst.overlap_at_20 >= FLOOR:
        raise ModelInvalid(
            f"the int8 item encoder keeps {worst.overlap_at_20:.3f} of the {NEAREST} nearest items by {name}, at least {FLOOR:g}",
            "export with precision float32",
        )


def sample_items(trained: Trained) -> Ints:
    """Return the positions (B,) of at most ``SAMPLED`` random items with a text or a picture. Raises ``DataContractError`` where there are none."""
    there = [i for i, (text, image) in enumerate(zip(trained.items.texts(), trained.items.images, strict=True)) if text or image]
    if not there:
        raise DataContractError("no item has a text or a picture to encode", "train on a source that has them")
    return np.sort(np.random.default_rng(0).choice(there, min(SAMPLED, len(there)), replace=False)).astype(np.int64)


def compare(wanted: Floats, found: Floats, catalogue: Floats, own: Ints) -> Agreement:
    """Return how far two vectors (B, d) of each item agree: by their angle, and by whom they find in ``catalogue`` (N, d) beside ``own`` (B,)."""
    cosines = (_unit(wanted) * _unit(found)).sum(axis=1)
    near, still = (nearest(vectors, catalogue, own) for vectors in (wanted, found))
    overlaps = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(near, still, strict=True)]
    return Agreement(cosine_mean=float(cosines.mean()), cosine_min=float(cosines.min()), overlap_at_20=float(np.mean(overlaps)))


def nearest(vectors: Floats, catalogue: Floats, own: Ints) -> Ints:
    """Return the ``NEAREST`` items (B, 20) of the catalogue by cosine, the item itself left out."""
    scores = _unit(vectors) @ _unit(catalogue).T
    scores[np.arange(len(own)), own] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, : min(NEAREST, len(catalogue) - 1)].astype(np.int64)


def _encode(trained: Trained, at: Ints, paths: Mapping[Precision, Path], pictures: Path) -> dict[Precision, tuple[dict[str, Floats], float]]:
    """Return each graph's vectors by output and its median ms of processor time, one item after the other as the server runs them.

    The graphs take turns, so that what else the machine does slows both alike; each has one thread, this one.
    """
    sessions = {precision: open_graph(path) for precision, path in paths.items()}
    rows: dict[Precision, list[list[Floats]]] = {precision: [] for precision in paths}
    ms: dict[Precision, list[float]] = {precision: [] for precision in paths}
    for item in at:
        tensors = raw_tensors(trained.preprocess, raw_items(trained.items, np.array([item]), pictures))
        for precision, session in sessions.items():
            begun = time.thread_time()
            rows[precision].append(session.run(list(OUTPUTS), tensors))
            ms[precision].append((time.thread_time() - begun) * 1e3)
    joined = {p: dict(zip(OUTPUTS, map(np.concatenate, zip(*said, strict=True)), strict=True)) for p, said in rows.items()}
    return {precision: (vectors, median(ms[precision])) for precision, vectors in joined.items()}


def _unit(vectors: Floats) -> Floats:
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-12))
    return found
