"""Vectors of items by a CIRP model: what ``vectors.safetensors`` holds."""

import numpy as np
import torch
from torch import Tensor

from goeswith.progress import progress
from training.cirp.inputs import ItemInputs
from training.cirp.model import Cirp
from training.dataset import Ints
from training.pictures import normalise_pixels

CHUNK = 128
BLOCK = 1024


@torch.no_grad()
def encode_items(model: Cirp, inputs: ItemInputs, items: Ints, max_tokens: int) -> dict[str, Tensor]:
    """Return ``text`` (B, dt), ``image`` (B, di), zero where missing, ``has_text``, ``has_image`` (B,) uint8 and ``feature`` (B, d) of items.

    Reads the kept hidden states; equals the whole-tower path (a test says so). Texts of like length go together.
    """
    model.eval()
    device = model.log_temperature.device
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


def encode_all(model: Cirp, inputs: ItemInputs, max_tokens: int) -> dict[str, Tensor]:
    """Return what ``encode_items`` does for every item, block by block."""
    blocks = []
    everything = np.arange(len(inputs.texts.has))
    with progress("encoding items", len(everything), unit="items") as advance:
        for start in range(0, len(everything), BLOCK):
            blocks.append(encode_items(model, inputs, everything[start : start + BLOCK], max_tokens))
            advance(len(blocks[-1]["text"]), "")
    return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}
