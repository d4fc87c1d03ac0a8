"""Operations are counted as by hand, and the share of a peak is that of the very device."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.cirp.flops import count_flops, peak_flops, speed_of

TERA = 1e12


def test_a_linear_layer_costs_two_operations_a_weight_and_row_and_as_many_for_each_gradient() -> None:
    layer, x = nn.Linear(8, 4, bias=False), torch.randn(3, 8)
    assert count_flops(lambda: layer(x).sum()) == 2 * (2 * 3 * 8 * 4), "the output and the weights' gradient: nobody asks for the input's"
    learned = x.clone().requires_grad_()
    assert count_flops(lambda: layer(learned).sum()) == 3 * (2 * 3 * 8 * 4)


def test_a_frozen_layer_costs_its_output_alone() -> None:
    frozen, head, x = nn.Linear(8, 8, bias=False).requires_grad_(False), nn.Linear(8, 2, bias=False), torch.randn(3, 8)
    assert count_flops(lambda: head(frozen(x)).sum()) == 2 * 3 * 8 * 8 + 2 * (2 * 3 * 8 * 2)


def test_attention_is_counted_as_its_products() -> None:
    query, key, value = (torch.randn(1, 2, 5, 4, requires_grad=True) for _ in range(3))
    forward = 2 * (2 * 2 * 5 * 5 * 4)  # query by key, and weights by value: two heads each
    assert count_flops(lambda: F.scaled_dot_product_attention(query, key, value).sum()) == 3 * forward


def test_a_convolution_is_counted_by_its_output() -> None:
    layer, x = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), torch.randn(2, 3, 8, 8)
    assert count_flops(lambda: layer(x).sum()) == 2 * (2 * 2 * 4 * 4 * 4 * 3 * 9)


@pytest.mark.parametrize(
    ("device", "precision", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989 * TERA),
        ("NVIDIA H100 PCIe", "bfloat16", 756 * TERA),
        ("NVIDIA H200", "float32", 67 * TERA),
        ("NVIDIA A100-SXM4-80GB", "float32", 19.5 * TERA),
        ("NVIDIA L40S", "bfloat16", None),
        ("Graphics of tomorrow", "bfloat16", None),
    ],
)
def test_a_peak_is_known_by_whole_words_of_the_devices_name(device: str, precision: str, peak: float | None) -> None:
    assert peak_flops(device, precision) == peak


def test_the_share_of_the_peak_is_what_was_achieved_over_it() -> None:
    assert speed_of(2e9, 1_000.0, 10 * TERA) == {"mflop_per_item": 2_000.0, "gflop_per_s": 2_000.0, "mfu": pytest.approx(0.2)}


def test_a_device_that_is_not_known_has_no_share() -> None:
    assert "mfu" not in speed_of(2e9, 1_000.0, None)
