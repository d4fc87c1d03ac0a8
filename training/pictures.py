"""Pictures as tensors: decoded once to bytes of one size, normalised when a tower reads them. Serving does exactly the same."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from goeswith.errors import DataContractError
from goeswith.pictures import read_picture
from training.row_store import RowStore

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
CHUNK = 256

Pixels = npt.NDArray[np.uint8]


def decode_picture(data: bytes, size_px: int) -> Pixels:
    """Return (3, S, S): RGB, the whole picture resized to S x S by Pillow's bicubic filter."""
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.convert("RGB").resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


def normalise_pixels(pixels: Tensor) -> Tensor:
    """Return float pixels ((x / 255) - mean) / std of CLIP, (B, 3, S, S)."""
    mean = torch.tensor(CLIP_MEAN, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(CLIP_STD, device=pixels.device).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def _decode_stored(pictures: Path, reference: str, size_px: int) -> Pixels:
    """Raise ``DataContractError`` for what is not in the store, or was damaged there: ingest took in only what can be read."""
    data = read_picture(pictures, reference)
    try:
        return decode_picture(data, size_px)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        told = "neither JPEG nor PNG" if isinstance(error, UnidentifiedImageError) else error  # its own message holds a memory address
        raise DataContractError(f"picture {reference!r} in {pictures} is damaged: {told}", "delete the file and run ingest again") from error


class PictureShard:
    """The decoded pictures of N items: row i of ``take`` is item i's, so an epoch decodes nothing."""

    def __init__(self, images: Sequence[str | None], pictures: Path, cache: Path, size_px: int) -> None:
        references = [image for image in images if image]
        self.size_px = size_px
        self.has = np.array([bool(image) for image in images], dtype=np.bool_)
        store = RowStore(cache / f"pixels-{size_px}", (3, size_px, size_px), np.uint8)
        store.add(
            references,
            lambda keys: [_decode_stored(pictures, key, size_px)[None] for key in keys],
            chunk=CHUNK,
            what="decoding pictures",
        )
        self.row = np.full(len(images), -1, dtype=np.int64)
        self.row[self.has] = store.spans(references)[:, 0]
        self.pixels = store.rows()

    def take(self, items: npt.NDArray[np.int64]) -> Tensor:
        """Return uint8 (B, 3, S, S) of items that have a picture."""
        return torch.from_numpy(np.asarray(self.pixels[self.row[items]]))
