"""An item as a shop gives it (UTF-8 fields, picture bytes) -> the tensors that the encoder reads.

Mirrors the trainer's preprocessing; a contract test compares both from raw bytes.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from tokenizers import Tokenizer

INPUTS = ("title", "description", "brand", "category", "image")
MAX_FIELD_BYTES = 100_000
MAX_IMAGE_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000
MAX_CHARS = 2_000
CATEGORY_SEPARATOR = " > "

Inputs = dict[str, npt.NDArray[Any]]


class Model:
    """Tokenizer and picture transform of one version."""

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / "preprocess.json").read_text(encoding="utf-8"))
        self.length: int = settings["max_tokens"]
        self.size: int = settings["image_px"]
        self.mean = np.array(settings["mean"], dtype=np.float32)
        self.std = np.array(settings["std"], dtype=np.float32)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.length)
        self.tokenizer.enable_padding(length=self.length, pad_id=settings["pad_id"], pad_token=settings["pad_token"])

    def answer(self, inputs: Inputs) -> Inputs:
        """Return input_ids, attention_mask (B, L), pixels (B, 3, S, S), has_text, has_image (B, 1)."""
        fields = [[decode_text(name, raw) for raw in inputs[name].ravel()] for name in INPUTS[:-1]]
        texts = [compose_text(*row) for row in zip(*fields, strict=True)]
        pictures = [self.pixels(raw) for raw in inputs["image"].ravel()]
        return {**self.tokens(texts), "pixels": np.stack([p for p, _ in pictures]), "has_image": column([seen for _, seen in pictures])}

    def tokens(self, texts: list[str]) -> Inputs:
        """Return the text half of the tensors."""
        encoded = self.tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        return {"input_ids": ids, "attention_mask": mask, "has_text": column([bool(text) for text in texts])}

    def pixels(self, raw: bytes) -> tuple[npt.NDArray[np.float32], bool]:
        """Return one picture as (3, S, S) and whether there is one; zeros where there is none."""
        if not raw:
            return np.zeros((3, self.size, self.size), dtype=np.float32), False
        small = decode_picture(raw).resize((self.size, self.size), Image.Resampling.BICUBIC)
        values = np.asarray(small, dtype=np.uint8).astype(np.float32) / np.float32(255)
        return np.ascontiguousarray(((values - self.mean) / self.std).transpose(2, 0, 1)), True


def column(flags: list[bool]) -> npt.NDArray[np.uint8]:
    """Return flags as (B, 1)."""
    return np.array(flags, dtype=np.uint8).reshape(-1, 1)


def decode_text(name: str, raw: bytes) -> str:
    """Return a field's text. Raises ``ValueError`` for what is too long or no UTF-8."""
    if len(raw) > MAX_FIELD_BYTES:
        raise ValueError(f"{name}: {len(raw)} bytes, at most {MAX_FIELD_BYTES}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: no valid UTF-8 at byte {error.start}") from None


def compose_text(title: str, description: str, brand: str, category: str) -> str:
    """Return the one text of an item, as ``goeswith.item_text`` composes it; ``category`` is the path, ' > ' between its names."""
    path = category.split(CATEGORY_SEPARATOR) if category else []
    parts = (part.strip() for part in (title, brand, " ".join(path[-2:]), description))
    return ". ".join(part for part in parts if part).lower()[:MAX_CHARS]


def decode_picture(raw: bytes) -> Image.Image:
    """Return a JPEG or PNG as RGB. Raises ``ValueError`` for anything else, and before a small file unfolds into gigabytes."""
    if len(raw) > MAX_IMAGE_BYTES:
        raise ValueError(f"image: {len(raw)} bytes, at most {MAX_IMAGE_BYTES}")
    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"image: {picture.width} x {picture.height} pixels, at most {MAX_PIXELS}")
            return picture.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise ValueError(f"image: no readable JPEG or PNG ({type(error).__name__})") from error
