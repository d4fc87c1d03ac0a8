"""Heat that walks of two and three steps carry along edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from training.mmsc.diffusion import NAMES, Diffusion

SIZE = 7
EVERYONE = np.arange(SIZE)
Edges = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), st.floats(0.1, 1)).filter(lambda e: e[0] != e[1]), max_size=15)


def matrix(edges: list[tuple[int, int, float]]) -> sparse.csr_matrix:
    dense = np.zeros((SIZE, SIZE), np.float32)
    for a, b, weight in edges:
        dense[a, b] = dense[b, a] = weight
    return sparse.csr_matrix(dense)


def columns(own: sparse.csr_matrix, other: sparse.csr_matrix, *, symmetric: bool = False) -> dict[str, np.ndarray]:
    found = Diffusion.of(own, other).columns(EVERYONE, np.tile(EVERYONE, (SIZE, 1)), np.ones(SIZE, np.float32), symmetric=symmetric)
    return dict(zip(NAMES, found, strict=True))


def step(weights: sparse.csr_matrix) -> np.ndarray:
    dense = weights.toarray()
    scale = 1 / np.sqrt(np.maximum(dense.sum(1), 1e-9))
    return np.asarray(dense * scale[:, None] * scale[None, :])


@settings(max_examples=40, deadline=None)
@given(own=Edges, other=Edges)
def test_every_column_is_the_product_of_the_steps_that_its_name_says(own: list[tuple[int, int, float]], other: list[tuple[int, int, float]]) -> None:
    a, b = matrix(own), matrix(other)
    steps = {"own": step(a), "other": step(b), "any": step(a.maximum(b))}
    for name, found in columns(a, b).items():
        expected = np.linalg.multi_dot([steps[relation] for relation in name.removeprefix("heat_").split("_")])
        assert found == pytest.approx(expected, abs=1e-5), name


@settings(max_examples=20, deadline=None)
@given(own=Edges, other=Edges)
def test_a_symmetric_task_sees_the_same_from_both_ends(own: list[tuple[int, int, float]], other: list[tuple[int, int, float]]) -> None:
    for name, found in columns(matrix(own), matrix(other), symmetric=True).items():
        assert found == pytest.approx(found.T, abs=1e-6), name


def test_three_steps_reach_where_no_common_neighbour_is() -> None:
    found = columns(matrix([(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)]), matrix([]))
    assert found["heat_own_own"][0, 3] == 0
    assert found["heat_own_own_own"][0, 3] > 0
