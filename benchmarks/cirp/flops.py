"""Floating point operations of a training step, and the share of a device's peak that they come to (MFU)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

PEAKS: dict[str, tuple[float, float]] = {
    "H200 NVL": (835e12, 60e12),
    "H200": (989e12, 67e12),
    "H100 NVL": (835e12, 60e12),
    "H100 PCIe": (756e12, 51e12),
    "H100": (989e12, 67e12),
    "A100": (312e12, 19.5e12),
    "L4": (121e12, 30.3e12),
}
"""Words of a device's name -> dense FLOP/s in bfloat16 and in float32 (NVIDIA's data sheets); the first that fit count."""


def count_flops(losses: Callable[[], Tensor]) -> float:
    """Return the operations of a loss and its gradient: matrix products, convolutions and attention, a multiply-add being two.

    Attention is taken apart for the count, for fused kernels are not known to it on every device.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        torch.autograd.backward(losses())
    return float(counter.get_total_flops())


def peak_flops(device: str, precision: str) -> float | None:
    """Return the most FLOP/s of a device by its name, None for one that is not known."""
    for words, (bfloat16, float32) in PEAKS.items():
        if set(words.split()) <= set(device.replace("-", " ").split()):
            return bfloat16 if precision == "bfloat16" else float32
    return None


def speed_of(flops_per_item: float, items_per_s: float, peak: float | None) -> dict[str, float]:
    """Return what was achieved, by metric; the share of the peak (``mfu``) where that is known."""
    achieved = flops_per_item * items_per_s
    shares = {} if peak is None else {"mfu": achieved / peak}
    return {"mflop_per_item": flops_per_item / 1e6, "gflop_per_s": achieved / 1e9, **shares}
