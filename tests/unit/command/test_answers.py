"""The questions that a finished run is shown with."""

import pytest

from goeswith.command.answers import unbranded


@pytest.mark.parametrize(
    ("title", "brand", "wanted"),
    [
        ("Felt frock - Fox & Field Everyday 983", "Fox & Field", "Felt frock - Everyday"),
        ("Olla 12", "Olla", "Olla 12"),
        ("Strap top", "", "Strap top"),
        ("", "Olla", ""),
    ],
)
def test_a_title_loses_its_brand_and_number_but_never_all_of_itself(title: str, brand: str, wanted: str) -> None:
    assert unbranded(title, brand) == wanted
