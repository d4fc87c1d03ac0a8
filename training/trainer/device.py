"""Where tensors live, and the state of the generators that go with it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from goeswith.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """Return the device; 'auto' takes CUDA where there is one. Raises ``ConfigError`` for 'cuda' without one."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, and there is none", "use device 'auto' or 'cpu'")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def move(batch: Any, device: torch.device) -> Any:
    """Return ``batch`` with every tensor in it on ``device``."""
    return each_tensor(batch, lambda tensor: tensor.to(device, non_blocking=True))


def each_tensor(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return ``batch`` with every tensor in it (also within tuples, lists and dicts) changed."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return {key: each_tensor(value, change) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        changed = [each_tensor(value, change) for value in batch]
        return type(batch)(*changed) if hasattr(batch, "_fields") else type(batch)(changed)
    return batch


def rng_state() -> dict[str, Tensor]:
    """Return the state of torch's global generators."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else state


def restore_rng(state: Mapping[str, Tensor]) -> None:
    """Put back what ``rng_state`` returned."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
