"""How near the int8 item encoder comes to the float32 one on real items, and what each costs. B items, N of the catalogue, d width."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from goeswith.errors import DataContractError, ModelInvalid
from goeswith.model_contract import Agreement, EncoderReport, GraphFigures, Precision
from model_repository.graph import open_graph
from training.dataset import Floats, Ints
from training.export.preprocess import raw_items, raw_tensors
from training.export.trained import Trained

SAMPLED = 256
NEAREST = 20
FLOOR = 0.9
"""The least ``overlap_at_20`` of an encoder that is served: nine in ten of a new item's neighbours stay."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What one graph says of the sampled items, and how long it takes for one."""

    vectors: Mapping[str, Floats]
    ms: list[float]


def measure_encoders(trained: Trained, paths: Mapping[Precision, Path], served: Precision, pictures: Path) -> EncoderReport:
    """Return what both graphs cost, and how far their vectors agree. Raises ``ModelInvalid`` where int8 is to be served and agrees too little."""
    at = sample_items(trained)
    found = {precision: _encode(trained, at, path, pictures) for precision, path in paths.items()}
    catalogue = {"feature": trained.feature, "content": trained.vectors.tensors["content"]}
    agreement = {name: compare(found["float32"].vectors[name], found["int8"].vectors[name], everything, at) for name, everything in catalogue.items()}
    costs = {p: GraphFigures(bytes=path.stat().st_size, ms_per_item=round(median(found[p].ms), 3)) for p, path in paths.items()}
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


def _encode(trained: Trained, at: Ints, path: Path, pictures: Path) -> _Encoded:
    """Run a graph on one item after the other, as the server runs it."""
    session, names, rows, ms = open_graph(path), ("feature", "content"), [], []
    for item in at:
        tensors = raw_tensors(trained.preprocess, raw_items(trained.items, at=np.array([item]), pictures=pictures))
        begun = time.perf_counter()
        rows.append(session.run(list(names), tensors))
        ms.append((time.perf_counter() - begun) * 1e3)
    return _Encoded({name: np.concatenate(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}, ms)


def _unit(vectors: Floats) -> Floats:
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-12))
    return found
