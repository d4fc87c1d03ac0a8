"""A picture is judged by its header before anything decodes or sends it."""

import struct
import time

import pytest

from goeswith_client import InvalidRequest
from goeswith_client.checks import check_image
from goeswith_client.limits import MAX_IMAGE_BYTES, MAX_PIXELS
from goeswith_client.pictures import claimed_size
from tests.tiny_pictures import jpeg_that_claims, picture, png_that_claims

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_size_is_read_as_the_decoder_reads_it(kind: str) -> None:
    assert claimed_size(picture(kind, (300, 7))) == (300, 7)
    assert check_image(picture(kind)) == picture(kind)


@pytest.mark.parametrize("kind", ["progressive", "optimize"])
def test_every_kind_of_jpeg_has_a_size(kind: str) -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (33, 44)).save(out, "JPEG", **{kind: True}, exif=b"Exif\0\0" + b"x" * 1_000)
    assert claimed_size(out.getvalue()) == (33, 44)


@pytest.mark.parametrize("bomb", [png_that_claims(50_000, 50_000), jpeg_that_claims(60_000, 60_000), png_that_claims(2**31, 2**31)])
def test_a_small_file_that_unfolds_into_gigabytes_is_refused(bomb: bytes) -> None:
    assert len(bomb) < 1_000
    with pytest.raises(InvalidRequest, match=f"pixels\n.*{MAX_PIXELS}"):
        check_image(bomb)


@pytest.mark.parametrize(
    "data", [SVG, picture("GIF"), picture("BMP"), picture("WEBP"), picture("TIFF"), b"PK\x03\x04", b"%PDF-1.7", b"\x1f\x8b\x08", b"png", b"\0" * 99]
)
def test_what_is_neither_jpeg_nor_png_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="neither JPEG nor PNG"):
        check_image(data)


@pytest.mark.parametrize("data", [picture("PNG")[:20], picture("JPEG")[:30], b"\xff\xd8\xff", png_that_claims(0, 5), jpeg_that_claims(5, 0)])
def test_a_header_that_is_cut_short_or_empty_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        check_image(data)


def test_of_two_frame_headers_the_larger_counts() -> None:
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 60_000, 60_000) + b"\x01\x01\x11\x00"
    small = picture("JPEG")
    assert claimed_size(small[:2] + frame + small[2:]) == (60_000, 60_000)


@pytest.mark.parametrize("header", [b"\xff", b"\xff\x01", b"\xff\xe0\x00\x02", b"\xff\xe0\x00\x00"], ids=["padding", "bare", "empty", "no length"])
def test_a_header_without_end_is_given_up_at_once(header: bytes) -> None:
    data = b"\xff\xd8\xff\xe0\x00\x02" + header * (MAX_IMAGE_BYTES // len(header) - 2)
    started = time.process_time()
    assert claimed_size(data) is None
    assert time.process_time() - started < 0.5


def test_no_picture_is_no_mistake() -> None:
    assert check_image(None) == check_image(b"") == b""
