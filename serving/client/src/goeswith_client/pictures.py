"""The size that a picture claims, read from its header alone: nothing is decoded before it is known to fit."""

import struct
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG = b"\xff\xd8\xff"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF markers of ITU T.81, table B.1: all of C0-CF but DHT, JPG and DAC."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST and SOI."""
_SCAN, _END = 0xDA, 0xD9
_MAX_SEGMENTS = 2_000
"""20 MB of full segments are 320; a header of padding alone would keep a reader busy for seconds."""


def claimed_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of a JPEG or PNG in pixels, None for anything else (a GIF, an SVG, a header that is cut short)."""
    if data.startswith(_PNG) and len(data) >= len(_PNG) + 8:
        width, height = struct.unpack_from(">II", data, len(_PNG))
        return width, height
    if data.startswith(_JPEG):
        # a file with several frame headers counts as its largest: decoders differ in which one they follow
        return max(_jpeg_frames(data), key=lambda size: size[0] * size[1], default=None)
    return None


def _jpeg_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the size in each frame header before the first scan (T.81, B.2.2)."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] in (_SCAN, _END):
            return
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE:  # FF before a marker is padding
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES and at + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, at + 5)
            yield width, height
        at += 2 + length
