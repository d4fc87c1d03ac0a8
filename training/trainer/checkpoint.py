"""Checkpoints without pickle: tensors as safetensors, everything else as JSON, written beside and renamed.

A checkpoint is a folder ``checkpoints/<step>``; the newest two stand. Only what changes is stored: frozen towers come from their own weights.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from goeswith.errors import ModelInvalid, TrainingStopped
from goeswith.results import write_json

logger = logging.getLogger(__name__)

KEEP = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``state`` holds JSON values; ``tensors`` maps a group ('model', 'best', 'rng') to its tensors by name."""

    recipe_hash: str
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def fingerprint(values: Mapping[str, Any]) -> str:
    """Return the sha256 of JSON values; equal values give equal fingerprints whatever their order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def keep_with_model(parameter: nn.Parameter) -> None:
    """Let checkpoints hold a parameter that changes without a gradient of its own."""
    parameter.is_kept = True  # type: ignore[attr-defined]  # an attribute of ours on torch's parameter


def begin(folder: Path, inputs: Mapping[str, Any]) -> None:
    """Clear what another recipe or other data left in a model's folder; keep the checkpoints of this very training."""
    started, asked = folder / "started.json", json.loads(json.dumps(inputs))
    if started.is_file() and json.loads(started.read_text(encoding="utf-8")) == asked:
        return
    if folder.exists():
        logger.info("inputs or recipe changed: training anew in %s", folder.name)
        shutil.rmtree(folder)
    write_json(started, asked)


def learned_state(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of what learns: parameters that require a gradient or are kept all the same, and persistent buffers."""
    frozen = {name for name, p in model.named_parameters(remove_duplicate=False) if not (p.requires_grad or getattr(p, "is_kept", False))}
    return {name: value.detach().cpu().clone().contiguous() for name, value in model.state_dict().items() if name not in frozen}


def weights_digest(model: nn.Module) -> str:
    """Return sha256 over the names and values of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_learned(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put back what ``learned_state`` returned; an empty mapping changes nothing."""
    unexpected = model.load_state_dict(dict(state), strict=False).unexpected_keys
    if unexpected:
        raise TrainingStopped(f"the checkpoint holds {unexpected[0]!r}, which the model lacks", "delete the model's folder and train again")


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file so that a reader, or a crash, sees the old or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, beside)
    _sync(beside)
    beside.replace(path)


def load_tensors(path: Path, job: str) -> dict[str, Tensor]:
    """Return the tensors of a finished model's file. Raises ``ModelInvalid`` that names the job which writes it, where it is missing or cut short."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelInvalid(f"{path} cannot be read: {error}", f"delete {path.parent} and run the job {job} again") from error


def load_weights(model: nn.Module, path: Path, job: str) -> None:
    """Fill a model from its file. Raises ``ModelInvalid`` where the file cannot be read, or is that of another recipe."""
    try:
        model.load_state_dict(load_tensors(path, job))
    except RuntimeError as error:
        first = str(error).partition("\n\t")[2].partition("\n")[0]
        raise ModelInvalid(f"{path} is not of the recipe beside it: {first}", f"delete {path.parent} and run the job {job} again") from error


def read_recipe(folder: Path, job: str) -> dict[str, Any]:
    """Return ``recipe.json`` of a complete model's folder, {} for any other. Raises ``ModelInvalid`` where the file is damaged."""
    path = folder / "recipe.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ModelInvalid(f"{path} cannot be read: {error}", f"delete {folder} and run the job {job} again") from error
    return found


def write_checkpoint(folder: Path, checkpoint: Checkpoint, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint of optimizer step ``step`` whole or not at all, then remove all but the newest ``KEEP``."""
    root = folder / "checkpoints"
    beside, target = root / f".{step:09d}.{os.getpid()}", root / f"{step:09d}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    groups = {**checkpoint.tensors, "optimizer": _optimizer_tensors(optimizer)}
    save_tensors(beside / "tensors.safetensors", {f"{group}/{name}": t for group, of in groups.items() for name, t in of.items()})
    state = {"recipe_hash": checkpoint.recipe_hash, "state": checkpoint.state}
    (beside / "state.json").write_text(json.dumps(state), encoding="utf-8")
    _sync(beside / "state.json")
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
    for old in _complete(root)[:-KEEP]:
        shutil.rmtree(old)


def newest_checkpoint(folder: Path, recipe_hash: str, optimizer: torch.optim.Optimizer) -> Checkpoint | None:
    """Return the newest checkpoint that can be read, its optimizer state put into ``optimizer``; None where there is none.

    Raises ``TrainingStopped`` where it was written by another recipe.
    """
    for path in reversed(_complete(folder / "checkpoints")):
        found = _read_checkpoint(path)
        if found is None:
            logger.warning("the checkpoint %s is damaged; going on from an earlier one, or from the start", path)
            continue
        if found.recipe_hash != recipe_hash:
            raise TrainingStopped(
                f"the checkpoint in {folder} was written by another recipe", "delete that folder, or train with the recipe that wrote it"
            )
        _restore_optimizer(optimizer, found.tensors.pop("optimizer"))
        return found
    return None


def _read_checkpoint(path: Path) -> Checkpoint | None:
    """Return a checkpoint, None where a file of it was cut short or damaged."""
    try:
        stored = json.loads((path / "state.json").read_text(encoding="utf-8"))
        named = load_file(path / "tensors.safetensors")
    except (OSError, ValueError, SafetensorError):
        return None
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "rng": {}, "optimizer": {}}
    for name, tensor in named.items():
        group, _, key = name.partition("/")
        groups[group][key] = tensor
    return Checkpoint(stored["recipe_hash"], stored["state"], groups)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run whose results are all written."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _complete(root: Path) -> list[Path]:
    """Return checkpoint folders that are whole, oldest first. Names that start with a dot are writes that were cut off."""
    return sorted(path for path in root.glob("[0-9]*") if (path / "state.json").is_file())


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{i}/{name}": value for i, slots in state.items() for name, value in slots.items()}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
