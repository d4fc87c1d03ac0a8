"""What an exported version of the models is: its signatures, its files and their hashes, its golden requests.

``training.export`` writes it, ``serving.rollout`` reads it: this module is all that the two share.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from goeswith.errors import ModelInvalid

MANIFEST = "manifest.json"
GOLDEN = "golden.json"
TOLERANCE = 1e-4
"""The largest difference between a number that is served and the number that the trainer computes."""
INT8_TOLERANCE = 0.02
"""The same for an int8 encoder, whose number is its graph's own. One rounding that falls the other way moves those behind it: onnxruntime with its
optimisations and without differs by up to .011 in a component of a unit vector, another item by about .2 (ADR 14)."""
MAX_BATCH_SIZE = 64

Precision = Literal["float32", "int8"]
TensorType = Literal["STRING", "FP32", "INT64", "INT32", "UINT8"]
NUMPY_TYPES = {"FP32": "<f4", "INT64": "<i8", "INT32": "<i4", "UINT8": "|u1"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TensorSpec(_Part):
    """One input or output; ``dims`` are without the batch, -1 where the length varies from request to request."""

    name: str
    dtype: TensorType
    dims: tuple[int, ...]
    optional: bool = False


class Step(_Part):
    """One model of an ensemble; both maps go from the model's tensor to the ensemble's."""

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


class ModelSpec(_Part):
    """The signature of one served model, and what runs it."""

    name: str
    platform: Literal["python", "onnx", "ensemble"]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    steps: tuple[Step, ...] = ()
    pure: bool = False
    """Whether an answer depends on nothing but the inputs and the version, so that it may be remembered."""
    warm_up: Mapping[str, str | int] = {}
    """One request that every version answers, whatever its catalogue: input -> text, or the number that fills the tensor. Empty: there is none."""


class GraphFigures(_Part):
    """What one graph costs."""

    bytes: int
    ms_per_item: float
    """Median processor time of one item alone, on the machine that exported."""


class Agreement(_Part):
    """How near an output of the int8 encoder comes to the float32 encoder's, over sampled items."""

    cosine_mean: float
    cosine_min: float
    overlap_at_20: float
    """Mean share of the 20 catalogue items nearest to the float32 vector that are among the 20 nearest to the int8 vector."""


class EncoderReport(_Part):
    """Which precision of the item encoder is served, and what either costs and loses."""

    precision: Precision
    sampled: int
    """Items measured on."""
    graphs: Mapping[Precision, GraphFigures]
    agreement: Mapping[str, Agreement]
    """By output."""


class ExportManifest(_Part):
    """Everything that must be known about an export without opening its files."""

    run: str
    release: str
    made_from: str
    """Fingerprint of the models and the code that the export was made from."""
    recipes: Mapping[str, Any]
    seed: int
    metrics: tuple[Mapping[str, Any], ...]
    feature_names: tuple[str, ...]
    models: tuple[ModelSpec, ...]
    encoder: EncoderReport
    files: Mapping[str, str]
    """Path relative to the export -> sha256, the manifest itself left out."""


class Value(_Part):
    """An array as JSON: raw little-endian bytes in base64, or one base64 string an element for STRING."""

    dtype: TensorType
    shape: tuple[int, ...]
    data: str | tuple[str, ...]


class GoldenCase(_Part):
    """One request, and the answer that the trainer's own code gives to it (with an int8 encoder: that code behind the int8 graph)."""

    model: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]
    tolerance: float = TOLERANCE


class GoldenCases(_Part):
    """The content of ``golden.json``."""

    cases: tuple[GoldenCase, ...]


def to_value(dtype: TensorType, array: npt.NDArray[Any]) -> Value:
    """Return an array as JSON can hold it; STRING arrays hold ``bytes``."""
    if dtype == "STRING":
        return Value(dtype=dtype, shape=array.shape, data=tuple(base64.b64encode(x).decode() for x in array.ravel().tolist()))
    raw = np.ascontiguousarray(array, dtype=NUMPY_TYPES[dtype]).tobytes()
    return Value(dtype=dtype, shape=array.shape, data=base64.b64encode(raw).decode())


def from_value(value: Value) -> npt.NDArray[Any]:
    """Return the array of a ``Value``; STRING gives an object array of ``bytes``."""
    if value.dtype == "STRING":
        return np.array([base64.b64decode(x) for x in value.data], dtype=np.object_).reshape(value.shape)
    return np.frombuffer(base64.b64decode(str(value.data)), dtype=NUMPY_TYPES[value.dtype]).reshape(value.shape)


def hash_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below ``folder`` but the manifest, by its relative path."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder) != Path(MANIFEST))
    return {p.relative_to(folder).as_posix(): _sha256(p) for p in paths}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_export(folder: Path) -> ExportManifest:
    """Return the manifest of an export whose files all have the hashes that it states. Raises ``ModelInvalid``."""
    try:
        manifest = ExportManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelInvalid(f"{folder} holds no complete export: {error}", "run: goeswith job export_models") from error
    found = hash_files(folder)
    wrong = sorted(path for path in {*found, *manifest.files} if found.get(path) != manifest.files.get(path))
    if wrong:
        raise ModelInvalid(f"{folder / wrong[0]} is not the file that the export's manifest names", "run: goeswith job export_models")
    return manifest


def read_golden(folder: Path) -> tuple[GoldenCase, ...]:
    """Return the golden requests of a verified export."""
    return GoldenCases.model_validate_json((folder / GOLDEN).read_bytes()).cases
