"""The trainer's preprocessing as files that ``item_preprocess`` reads, and its tensors for golden requests."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tokenizers import Tokenizer

from goeswith.item_text import item_text
from goeswith.results import write_atomically, write_json

PAD = "[PAD]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """All that turns an item's fields and picture into tensors."""

    tokenizer: Tokenizer
    max_length: int
    image_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return int(self.tokenizer.get_vocab_size())


def write_preprocess(preprocess: Preprocess, folder: Path) -> None:
    """Write ``tokenizer.json`` and ``preprocess.json``."""
    write_atomically(folder / "tokenizer.json", preprocess.tokenizer.to_str())
    settings = {"max_length": preprocess.max_length, "image_size_px": preprocess.image_px, "mean": preprocess.mean, "std": preprocess.std}
    write_json(folder / "preprocess.json", {**settings, "pad_token": PAD, "pad_id": preprocess.tokenizer.token_to_id(PAD)})


def raw_tensors(preprocess: Preprocess, raw: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the encoder's inputs of B items given as (B, 1) bytes a field, through the trainer's own text and picture code."""
    columns = [[value.decode() for value in raw[name].ravel()] for name in ("title", "description", "brand", "category")]
    texts = [item_text(t, d, b, c.split(" > ") if c else []) for t, d, b, c in zip(*columns, strict=True)]
    tokenizer = Tokenizer.from_str(preprocess.tokenizer.to_str())
    tokenizer.enable_truncation(preprocess.max_length)
    tokenizer.enable_padding(length=preprocess.max_length, pad_id=tokenizer.token_to_id(PAD), pad_token=PAD)
    encoded = tokenizer.encode_batch(texts)
    images = list(raw["image"].ravel())
    return {
        "input_ids": np.array([e.ids for e in encoded], dtype=np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], dtype=np.int64),
        "pixels": np.stack([_pixels(preprocess, data) for data in images]),
        "has_text": np.array([[bool(text)] for text in texts], dtype=np.uint8),
        "has_image": np.array([[bool(data)] for data in images], dtype=np.uint8),
    }


def _pixels(preprocess: Preprocess, data: bytes) -> npt.NDArray[np.float32]:
    size = preprocess.image_px
    if not data:
        return np.zeros((3, size, size), dtype=np.float32)
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    values = np.asarray(small, dtype=np.float32) / np.float32(255)
    normal = (values - np.array(preprocess.mean, dtype=np.float32)) / np.array(preprocess.std, dtype=np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
