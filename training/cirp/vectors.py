"""Vectors of items by a CIRP model: what ``vectors.safetensors`` holds."""

import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from goeswith.progress import progress
from training.cirp.inputs import ItemInputs
from training.cirp.model import Cirp
from training.dataset import Ints
from training.pictures import normalise_pixels
from training.trainer.checkpoint import save_tensors, weights_digest

CHUNK = 128
BLOCK = 1024
BLOCKS = "encoded"
"""Folder of the blocks that are done, below that of the weights that made them."""


@torch.no_grad()
def encode_items(model: Cirp, inputs: ItemInputs, items: Ints, max_tokens: int) -> dict[str, Tensor]:
    """Return ``text`` (B, dt), ``image`` (B, di), zero where missing, ``has_text``, ``has_image`` (B,) uint8 and ``feature`` (B, d) of items.

    Reads the kept hidden states; equals the whole-tower path (a test says so). Texts of like length go together.
    """
    model.eval()
    device = model.device
    has_text, has_image = torch.from_numpy(inputs.texts.has[items]), torch.from_numpy(inputs.pictures.has[items])
    text, image = torch.zeros(len(items), model.text_width), torch.zeros(len(items), model.image_width)
    order = np.argsort(inputs.texts.spans[items, 1], kind="stable")
    for part in np.array_split(order, max(1, -(-len(order) // CHUNK))):
        with_text, with_image = part[has_text.numpy()[part]], part[has_image.numpy()[part]]
        if len(with_text):
            text[with_text] = model.encode_hidden(*(part.to(device) for part in inputs.texts.take(items[with_text], max_tokens))).cpu()
        if len(with_image):
            image[with_image] = model.encode_image(normalise_pixels(inputs.pictures.take(items[with_image]).to(device))).cpu()
    feature = model.feature(text.to(device), image.to(device), has_text.to(device), has_image.to(device)).cpu()
    return {"text": text, "image": image, "has_text": has_text.to(torch.uint8), "has_image": has_image.to(torch.uint8), "feature": feature}


def encode_all(model: Cirp, inputs: ItemInputs, max_tokens: int, folder: Path) -> dict[str, Tensor]:
    """Return what ``encode_items`` does for every item, block by block.

    ``folder`` keeps the blocks of these very weights that are done, for a run that was killed, until ``forget_blocks``.
    """
    everything, kept = np.arange(len(inputs.texts.has)), folder / BLOCKS / weights_digest(model)
    blocks = [(kept / f"{start:09d}.safetensors", everything[start : start + BLOCK]) for start in range(0, len(everything), BLOCK)]
    with progress("encoding items", len(everything), unit="items") as advance:
        for path, items in blocks:
            if not path.is_file():
                save_tensors(path, encode_items(model, inputs, items, max_tokens))
            advance(len(items), "")
    found = [load_file(path) for path, _ in blocks]
    return {name: torch.cat([block[name] for block in found]) for name in found[0]}


def forget_blocks(folder: Path) -> None:
    """Remove what ``encode_all`` kept, once the vectors are written whole."""
    shutil.rmtree(folder / BLOCKS, ignore_errors=True)
