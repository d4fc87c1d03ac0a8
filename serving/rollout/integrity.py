"""Whether a version is what was published: every file by its hash, every tensor by its signature, every golden answer."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from goeswith.errors import ModelInvalid
from goeswith.model_contract import GOLDEN, GoldenCase, ModelSpec, TensorSpec, hash_files, read_golden
from serving.rollout.manifest import Published, Version
from serving.rollout.repository import GOLDEN_FOLDER

logger = logging.getLogger(__name__)

_TYPES = {"STRING": "BYTES"}


def check_served(repository: Path, published: Published) -> None:
    """Raise ``ModelInvalid`` that names the first file of a served version that is not what was published."""
    for version in published.served:
        check_files(repository, version, _remedy(published, version))


def check_files(repository: Path, version: Version, remedy: str = "") -> int:
    """Return how many files were checked. Raises ``ModelInvalid`` for one that is missing, changed, or was never published."""
    if not version.files:
        logger.warning("version %d was published before hashes were kept: its files are not checked", version.version)
        return 0
    wrong = next(_wrong(version.files, _found(repository, version)), None)
    if wrong:
        raise ModelInvalid(f"version {version.name}: {repository / wrong[0]} {wrong[1]}", remedy or _again(version))
    return len(version.files)


def holds(repository: Path, version: Version) -> bool:
    """Return whether every file of a version is what was published."""
    try:
        check_files(repository, version)
    except ModelInvalid:
        return False
    return True


def _remedy(published: Published, version: Version) -> str:
    others = [each for each in published.versions if each.version < version.version or version != published.current]
    return "go back to the last good version: goeswith rollout rollback" if others else _again(version)


def _again(version: Version) -> str:
    return f"publish it again: goeswith rollout publish --run {version.run}"


def _found(repository: Path, version: Version) -> dict[str, str]:
    folders = [f"{GOLDEN_FOLDER}/{version.version}", *(f"{spec.name}/{version.version}" for spec in version.models)]
    return {f"{folder}/{path}": digest for folder in folders for path, digest in hash_files(repository / folder).items()}


def _wrong(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for path in sorted({*wanted, *found}):
        if path not in found:
            yield path, "is missing"
        elif path not in wanted:
            yield path, "is no file of it"
        elif wanted[path] != found[path]:
            yield path, "has another hash than when it was published"


def golden_of(repository: Path, version: Version) -> tuple[GoldenCase, ...]:
    """Return the golden requests of a version; none of one from before they were kept."""
    folder = repository / GOLDEN_FOLDER / str(version.version)
    return read_golden(folder) if (folder / GOLDEN).exists() else ()


def check_signatures(client: grpc.InferenceServerClient, models: Sequence[ModelSpec], version: int) -> None:
    """Raise ``ModelInvalid`` that names the first model whose tensors in Triton are not those of its signature."""
    for spec in models:
        try:
            found = client.get_model_metadata(spec.name, str(version))
        except InferenceServerException as error:
            raise ModelInvalid(f"{spec.name} version {version} is not served: {error.message()}", "read triton.log") from error
        for kind, wanted, served in (("inputs", spec.inputs, found.inputs), ("outputs", spec.outputs, found.outputs)):
            has, needs = {_said(each) for each in served}, {_needed(each) for each in wanted}
            if has != needs:
                raise ModelInvalid(
                    f"{spec.name}: its {kind} in Triton are others than its signature's: {sorted(has ^ needs)}", "export and publish again"
                )


def _said(tensor: "grpc.service_pb2.ModelMetadataResponse.TensorMetadata") -> tuple[str, str, tuple[int, ...]]:
    return tensor.name, tensor.datatype, tuple(tensor.shape)


def _needed(tensor: TensorSpec) -> tuple[str, str, tuple[int, ...]]:
    """A model that batches says -1 for the batch."""
    return tensor.name, _TYPES.get(tensor.dtype, tensor.dtype), (-1, *tensor.dims)
