"""What int8 loses is counted in neighbours, as a shop would notice it."""

import numpy as np
import pytest

from training.export.agreement import compare, nearest

RNG = np.random.default_rng(0)
CATALOGUE = RNG.normal(size=(300, 16)).astype(np.float32)
OWN = np.array([3, 50, 299])


def test_the_same_vectors_agree_wholly_whatever_their_length() -> None:
    found = compare(CATALOGUE[OWN], 7 * CATALOGUE[OWN], CATALOGUE, OWN)
    assert (found.cosine_mean, found.cosine_min, found.overlap_at_20) == pytest.approx((1, 1, 1))


def test_overlap_is_the_share_of_the_twenty_nearest_that_are_still_found() -> None:
    moved = CATALOGUE[OWN] + RNG.normal(size=(3, 16)).astype(np.float32)
    wanted, found = (naive_nearest(vectors) for vectors in (CATALOGUE[OWN], moved))
    shares = [len(a & b) / 20 for a, b in zip(wanted, found, strict=True)]
    assert 0.1 < np.mean(shares) < 0.9
    assert compare(CATALOGUE[OWN], moved, CATALOGUE, OWN).overlap_at_20 == pytest.approx(np.mean(shares))


def naive_nearest(vectors: np.ndarray) -> list[set[int]]:
    found = []
    for vector, own in zip(vectors, OWN.tolist(), strict=True):
        cosines = {i: float(vector @ row / np.linalg.norm(row)) for i, row in enumerate(CATALOGUE) if i != own}
        found.append(set(sorted(cosines, key=lambda i: -cosines[i])[:20]))
    return found


def test_other_vectors_agree_by_chance_alone() -> None:
    found = compare(CATALOGUE[OWN], -CATALOGUE[OWN], CATALOGUE, OWN)
    assert found.cosine_min == pytest.approx(-1)
    assert found.overlap_at_20 == 0


def test_in_a_small_catalogue_all_others_are_near() -> None:
    assert sorted(nearest(CATALOGUE[:1], CATALOGUE[:8], np.array([0]))[0].tolist()) == [1, 2, 3, 4, 5, 6, 7]
