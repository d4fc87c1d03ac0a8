"""The trainer's preprocessing as files that ``item_preprocess`` reads, and its tensors for golden requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from goeswith.errors import ModelInvalid
from goeswith.item_text import item_text
from goeswith.pictures import read_picture
from goeswith.results import write_atomically, write_json
from training.dataset import Ints, Items
from training.export.signatures import RAW_FIELDS
from training.pictures import CLIP_MEAN, CLIP_STD, decode_picture, normalise_pixels
from training.text_tokens import PAD, load_tokenizer, pad_tokens, tokenise


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """All that turns an item's fields and picture into tensors: a tokenizer that cuts at ``max_tokens``, and the pixels a side."""

    tokenizer: Tokenizer
    max_tokens: int
    image_px: int

    @property
    def pad_id(self) -> int:
        """The padding's token id. Raises ``ModelInvalid`` for a vocabulary without one."""
        found: int | None = self.tokenizer.token_to_id(PAD)
        if found is None:
            raise ModelInvalid(f"the tokenizer knows no {PAD}", "train CIRP with a WordPiece tokenizer")
        return found

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return int(self.tokenizer.get_vocab_size())


def load_preprocess(folder: Path) -> Preprocess:
    """Return the preprocessing of a trained CIRP folder."""
    stored = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))["preprocess"]
    tokens = int(stored["max_tokens"])
    return Preprocess(tokenizer=load_tokenizer(folder, tokens), max_tokens=tokens, image_px=int(stored["image_px"]))


def write_preprocess(preprocess: Preprocess, folder: Path) -> None:
    """Write ``tokenizer.json`` and ``preprocess.json``."""
    write_atomically(folder / "tokenizer.json", preprocess.tokenizer.to_str())
    lengths = {"max_tokens": preprocess.max_tokens, "image_px": preprocess.image_px}
    write_json(folder / "preprocess.json", {**lengths, "mean": CLIP_MEAN, "std": CLIP_STD, "pad_token": PAD, "pad_id": preprocess.pad_id})


def raw_items(items: Items, at: Ints, pictures: Path) -> dict[str, npt.NDArray[np.object_]]:
    """Return the items at the positions ``at`` (B,) as a shop would send them: (B, 1) bytes a field; ``pictures`` is the picture store."""
    rows = []
    for i in at:
        image = items.images[i]
        texts = (items.titles[i], items.descriptions[i], items.brands[i], " > ".join(items.categories[i]))
        rows.append([*((text or "").encode() for text in texts), read_picture(pictures, image) if image else b""])
    columns = zip(*rows, strict=True)
    return {name: np.array(column, dtype=np.object_).reshape(-1, 1) for name, column in zip(RAW_FIELDS, columns, strict=True)}


def raw_tensors(preprocess: Preprocess, raw: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return the encoder's inputs of B items given as (B, 1) bytes a field, by the trainer's own text and picture code."""
    columns = [[value.decode() for value in raw[name].ravel()] for name in ("title", "description", "brand", "category")]
    texts = [item_text(t, d, b, c.split(" > ") if c else []) for t, d, b, c in zip(*columns, strict=True)]
    ids, mask = pad_tokens(tokenise(preprocess.tokenizer, texts), preprocess.pad_id, preprocess.max_tokens)
    images = list(raw["image"].ravel())
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "pixels": np.stack([_pixels(preprocess, data) for data in images]),
        "has_text": np.array([[bool(text)] for text in texts], dtype=np.uint8),
        "has_image": np.array([[bool(data)] for data in images], dtype=np.uint8),
    }


def _pixels(preprocess: Preprocess, data: bytes) -> npt.NDArray[np.float32]:
    """Return one picture as (3, S, S), zeros where there is none."""
    if not data:
        return np.zeros((3, preprocess.image_px, preprocess.image_px), dtype=np.float32)
    pixels: npt.NDArray[np.float32] = normalise_pixels(torch.from_numpy(decode_picture(data, preprocess.image_px))[None])[0].numpy()
    return pixels
