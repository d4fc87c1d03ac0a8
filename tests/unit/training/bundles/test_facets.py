"""Facets of items, and which of their values go together."""

from dataclasses import replace

import numpy as np

from tests.unit.training.evaluation.small_worlds import make_items
from training.bundles.facets import Facet, affinity, list_facets


def test_levels_of_the_category_the_brand_and_attributes_are_facets_that_tell_items_apart() -> None:
    paths = [("shop", "wear", "hat"), ("shop", "wear", "shoe"), ("shop", "home", "lamp"), ("shop", "home")]
    items = make_items(["a", "b", "c", "d"], categories=paths, brands=["x", "y", "x", None])
    items = replace(items, attributes=({"colour": "red"}, {"colour": "blue"}, {}, {"colour": "red", "rare": "1"}))
    found = {facet.name: facet.codes.tolist() for facet in list_facets(items)}
    assert set(found) == {"category 1", "category 2", "leaf", "brand", "colour"}, "'shop' is everywhere, 'rare' almost nowhere"
    assert found["colour"] == [2, 1, 0, 2]
    assert found["brand"][3] == 0


def test_values_that_meet_more_often_than_chance_fit() -> None:
    facet = Facet("type", np.array([1, 1, 2, 2, 3, 3]))
    src, dst = np.array([0, 2, 1, 3, 4, 5]), np.array([2, 0, 3, 1, 5, 4])
    fit = affinity(facet, src, dst)
    assert fit[1, 2] > 0 > fit[1, 3]
    assert np.allclose(fit, fit.T)


def test_of_a_facet_with_too_many_values_no_table_is_made() -> None:
    assert affinity(Facet("id", np.arange(5_000)), np.array([0]), np.array([1])).size == 0
