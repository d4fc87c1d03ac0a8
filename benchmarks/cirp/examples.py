"""Examples as the documentation of ``transformers`` makes them: a dataset that opens pictures, a collator that tokenises texts."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import AutoTokenizer

from benchmarks.cirp.lesson import Lesson
from training.cirp.batches import SMALLEST_CROP
from training.cirp.towers import tokenizer_folder
from training.dataset import Ints
from training.pictures import CLIP_MEAN, CLIP_STD

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
PARALLEL = "TOKENIZERS_PARALLELISM"


class Example(NamedTuple):
    """One item; ``pixels`` (3, S, S) are normalised, None without a picture."""

    item: int
    text: str
    pixels: Tensor | None


class Collated(NamedTuple):
    """B examples, M of them with a picture."""

    items: Tensor
    tokens: dict[str, Tensor]
    """What ``BertModel`` takes, (B, L) each."""
    has_text: Tensor
    has_image: Tensor
    pixels: Tensor
    """(M, 3, S, S), normalised."""


class Examples(Dataset[Example]):
    """Opens, crops, shrinks and normalises an item's picture when it is asked for; ``cropped`` False takes pictures whole."""

    def __init__(self, lesson: Lesson, *, cropped: bool = True) -> None:
        items = lesson.shop.training.items
        self.texts, self.images, self.pictures = items.texts(), items.images, lesson.shop.home.pictures
        self.size_px, self.cropped = lesson.recipe.image_px, cropped

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.texts)

    def __getitem__(self, item: int) -> Example:
        """Return one example."""
        image = self.images[item]
        return Example(item, self.texts[item], self._open(self.pictures / image) if image else None)

    def _open(self, path: Path) -> Tensor:
        with Image.open(path) as file:
            picture = file.convert("RGB")
        box, mirrored = _random_box(*picture.size) if self.cropped else (None, False)
        small = picture.resize((self.size_px, self.size_px), Image.Resampling.BICUBIC, box=box)
        pixels = np.asarray(ImageOps.mirror(small) if mirrored else small)
        return (torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255 - MEAN) / STD


def _random_box(width: int, height: int) -> tuple[tuple[float, float, float, float], bool]:
    """Return a crop of the very distribution that ours has, and whether it is mirrored."""
    share, left, top, mirrored = torch.rand(4).tolist()
    side = SMALLEST_CROP + (1 - SMALLEST_CROP) * share
    left, top = left * (1 - side) * width, top * (1 - side) * height
    return (left, top, left + side * width, top + side * height), mirrored < 0.5


class Collator:
    """Tokenises the texts of a batch together, as long as its longest, and stacks its pictures."""

    def __init__(self, lesson: Lesson) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer_folder(lesson.recipe), local_files_only=True)
        self.max_tokens, self.size_px = lesson.recipe.max_tokens, lesson.recipe.image_px

    def __call__(self, examples: Sequence[Example]) -> Collated:
        """Return the batch of some examples."""
        texts = [example.text for example in examples]
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt")
        pixels = [example.pixels for example in examples if example.pixels is not None]
        return Collated(
            items=torch.tensor([example.item for example in examples]),
            tokens=dict(tokens),
            has_text=torch.tensor([bool(text) for text in texts]),
            has_image=torch.tensor([example.pixels is not None for example in examples]),
            pixels=torch.stack(pixels) if pixels else torch.empty(0, 3, self.size_px, self.size_px),
        )


def load_examples(lesson: Lesson, batches: Sequence[Ints], workers: int) -> Iterator[Collated]:
    """Return the given batches as a loader makes them, all in one go: its workers start once."""
    loader = DataLoader(
        Examples(lesson),
        batch_sampler=[batch.tolist() for batch in batches],
        collate_fn=Collator(lesson),
        num_workers=workers,
        pin_memory=lesson.device.type == "cuda",
        worker_init_fn=_begin_worker,
    )
    return iter(loader)


def _begin_worker(_: int) -> None:
    os.environ[PARALLEL] = "false"  # a forked process of tokenizers' threads says a paragraph about it otherwise
