"""One export: files, golden requests and a manifest with every hash, whole or not there at all."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goeswith.model_contract import GOLDEN, MANIFEST, EncoderReport, ExportManifest, ModelSpec, Precision, hash_files
from goeswith.results import write_json
from training.export.encoder import SERVED, write_encoders
from training.export.files import sizes_of, write_model_files
from training.export.golden import build_golden, by_graph, by_module, check_features
from training.export.signatures import model_specs
from training.export.trained import Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an export comes from, as its manifest says it."""

    run: str
    release: str
    made_from: str
    recipes: Mapping[str, Any]
    seed: int
    metrics: tuple[Mapping[str, Any], ...]
    feature_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The parity of each graph with its module, and the figures of the item encoder in both precisions."""

    parity: dict[str, float]
    encoder: EncoderReport


def write_export(trained: Trained, origin: Origin, folder: Path, pictures: Path, precision: Precision = "float32") -> Written:
    """Write an export to ``folder``, in place of an older one, that serves the item encoder of ``precision``.

    Raises ``ModelInvalid`` where a graph does not equal its module, or int8 is to be served and loses too much; then ``folder`` is as it was.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        specs = model_specs(sizes_of(trained))
        check_features(trained, pictures)  # first: it finds out in a second whether the models fit together
        encoder = write_encoders(trained, precision, pictures, beside)
        parity = write_model_files(trained, beside)
        encode = by_graph(beside / SERVED) if precision == "int8" else by_module(trained)
        golden = build_golden(trained, specs, pictures, encode, precision)
        write_json(beside / GOLDEN, golden.model_dump(mode="json"))
        _write_manifest(origin, specs, encoder.report, beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Written({"item_encoder": encoder.parity, **parity}, encoder.report)


def _write_manifest(origin: Origin, specs: tuple[ModelSpec, ...], encoder: EncoderReport, folder: Path) -> None:
    manifest = ExportManifest(
        run=origin.run,
        release=origin.release,
        made_from=origin.made_from,
        recipes=origin.recipes,
        seed=origin.seed,
        metrics=origin.metrics,
        feature_names=origin.feature_names,
        models=specs,
        encoder=encoder,
        files=hash_files(folder),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
