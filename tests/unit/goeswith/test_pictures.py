"""The picture store keeps each picture once, and refuses what is none."""

import io
import struct
import zlib

import pytest
from PIL import Image

from goeswith.errors import DataContractError
from goeswith.pictures import MAX_BYTES, check_picture, read_picture, store_picture
from goeswith.profile import Profile


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(out, kind)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of a hundred bytes that says it is 50,000 x 50,000 pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 50


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg")])
def test_a_picture_is_stored_once_under_its_hash(profile: Profile, kind: str, ending: str) -> None:
    reference = store_picture(profile.pictures, picture(kind))
    assert store_picture(profile.pictures, picture(kind)) == reference
    assert reference.endswith(ending)
    assert read_picture(profile.pictures, reference) == picture(kind)
    assert len([p for p in profile.pictures.rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize("data", [b"", b"hello", picture()[:40], b"<svg onload='x'/>", bomb(), b"\0" * (MAX_BYTES + 1), picture("BMP")], ids=range(7))
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DataContractError):
        check_picture(data)


@pytest.mark.parametrize("reference", ["../secret", "/etc/passwd", "ab/none.png", ""])
def test_a_reference_never_leaves_the_store(profile: Profile, reference: str) -> None:
    with pytest.raises(DataContractError, match="not in"):
        read_picture(profile.pictures, reference)
