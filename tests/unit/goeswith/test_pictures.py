"""The picture store keeps each picture once, and refuses what is none."""

import pytest

from goeswith.errors import DataContractError
from goeswith.pictures import MAX_BYTES, check_picture, read_picture, store_picture
from goeswith.profile import Profile
from tests.tiny_pictures import picture, png_that_claims


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg")])
def test_a_picture_is_stored_once_under_its_hash(profile: Profile, kind: str, ending: str) -> None:
    reference = store_picture(profile.pictures, picture(kind))
    assert store_picture(profile.pictures, picture(kind)) == reference
    assert reference.endswith(ending)
    assert read_picture(profile.pictures, reference) == picture(kind)
    assert len([p for p in profile.pictures.rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize("data", [b"", b"hello", picture()[:40], b"<svg onload='x'/>", b"\0" * (MAX_BYTES + 1), picture("BMP")], ids=range(6))
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DataContractError):
        check_picture(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [6_400, 10_000, 50_000])
def test_a_hundred_bytes_that_say_they_are_huge_are_refused_before_they_are_unfolded(side: int) -> None:
    with pytest.raises(DataContractError, match="pixels"):
        check_picture(png_that_claims(side, side))


@pytest.mark.parametrize("reference", ["../secret", "/etc/passwd", "ab/none.png", ""])
def test_a_reference_never_leaves_the_store(profile: Profile, reference: str) -> None:
    with pytest.raises(DataContractError, match="not in"):
        read_picture(profile.pictures, reference)
