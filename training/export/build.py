"""One export: files, golden requests and a manifest with every hash, whole or not there at all."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goeswith.model_contract import GOLDEN, MANIFEST, ExportManifest, ModelSpec, hash_files
from goeswith.results import write_json
from training.export.files import sizes_of, write_model_files
from training.export.golden import build_golden
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


def write_export(trained: Trained, origin: Origin, folder: Path, pictures: Path) -> dict[str, float]:
    """Write an export to ``folder``, in place of an older one, and return the parity of its graphs.

    Raises ``ModelInvalid`` where a graph does not equal its module; then ``folder`` is as it was.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        specs = model_specs(sizes_of(trained))
        golden = build_golden(trained, specs, pictures)  # first: it finds out in a second whether the models fit together
        parity = write_model_files(trained, beside)
        write_json(beside / GOLDEN, golden.model_dump(mode="json"))
        _write_manifest(origin, specs, beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return parity


def _write_manifest(origin: Origin, specs: tuple[ModelSpec, ...], folder: Path) -> None:
    manifest = ExportManifest(
        run=origin.run,
        release=origin.release,
        made_from=origin.made_from,
        recipes=origin.recipes,
        seed=origin.seed,
        metrics=origin.metrics,
        feature_names=origin.feature_names,
        models=specs,
        files=hash_files(folder),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
