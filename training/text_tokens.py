"""Texts as WordPiece tokens. Serving reads the same ``tokenizer.json`` with the same settings."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from goeswith.errors import ModelInvalid

MAX_LENGTH = 64
PAD = "[PAD]"
Ids = npt.NDArray[np.int64]


def load_tokenizer(folder: Path, max_length: int = MAX_LENGTH) -> Tokenizer:
    """Return the lower-casing WordPiece tokenizer of a tower's folder, cut at ``max_length`` tokens, without padding."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelInvalid(f"{folder} holds no tokenizer.json", "save the tower with its fast tokenizer beside it")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """Return the id of the padding token."""
    found = tokenizer.token_to_id(PAD)
    if found is None:
        raise ModelInvalid(f"the tokenizer has no {PAD}", "use a BERT-like WordPiece tokenizer")
    return int(found)


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Return the token ids of each text, [CLS] first and [SEP] last; '' gives these two."""
    return [np.array(found.ids, dtype=np.int64) for found in tokenizer.encode_batch([text.lower() for text in texts])]


def pad_tokens(rows: Sequence[npt.NDArray[np.integer[Any]]], padding: int, length: int | None = None) -> tuple[Ids, Ids]:
    """Return ids and attention mask (B, L), L the longest row or ``length``."""
    width = length or max(map(len, rows))
    ids = np.full((len(rows), width), padding, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask


def text_key(text: str) -> str:
    """Return the key of a text in a cache."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
