"""The paper's content: 32 Q-Former tokens of a frozen BLIP-2 for each picture (MMSC section 3, content)."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import Blip2Model

from goeswith.errors import ConfigError
from goeswith.pictures import read_picture
from goeswith.progress import progress
from training.dataset import Items
from training.mmsc.content import Tokens

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's normalisation, which BLIP-2 was trained with."""
BATCH = 16


def load_qformer(folder: Path) -> Blip2Model:
    """Load a BLIP-2 checkpoint for reading tokens: local files, safetensors only, no remote code.

    Raises ``ConfigError`` where the folder holds none.
    """
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} holds no BLIP-2 checkpoint", "set blip2_model to a folder with config.json and *.safetensors")
    model: Blip2Model = Blip2Model.from_pretrained(folder, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    del model.language_model  # by far the largest part, and never asked
    model.requires_grad_(False)
    model.train(False)
    return model


def with_qformer_tokens(tokens: Tokens, model: Blip2Model, pictures: Path, items: Items) -> Tokens:
    """Return ``tokens`` with the pictures' Q-Former tokens (N, 32, 768) in float16 in place of CIRP's image token."""
    size_px = int(model.vision_model.config.image_size)
    found = torch.zeros((len(items), *model.query_tokens.shape[1:]), dtype=torch.float16)
    there = [i for i, reference in enumerate(items.images) if reference]
    with progress("Q-Former tokens", len(there), unit="pictures") as advance:
        for start in range(0, len(there), BATCH):
            part = there[start : start + BATCH]
            pixels = torch.stack([pixels_of(pictures, str(items.images[i]), size_px) for i in part])
            found[part] = qformer_tokens(model, pixels).half()
            advance(len(part), "")
    present = torch.tensor([bool(reference) for reference in items.images])
    return Tokens({**tokens.values, "image": found}, {**tokens.present, "image": present})


@torch.no_grad()
def qformer_tokens(model: Blip2Model, pixels: Tensor) -> Tensor:
    """Return the Q-Former's output tokens (B, T, D) of pixels (B, 3, S, S)."""
    tokens: Tensor = model.get_qformer_features(pixel_values=pixels)
    return tokens


def pixels_of(pictures: Path, reference: str, size_px: int) -> Tensor:
    """Return a stored picture as BLIP-2 reads it: RGB (3, S, S), bicubic, CLIP-normalised."""
    with Image.open(io.BytesIO(read_picture(pictures, reference))) as picture:
        resized = picture.convert("RGB").resize((size_px, size_px), Image.Resampling.BICUBIC)
    values = (np.asarray(resized, dtype=np.float32) / 255.0 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return torch.from_numpy(values).permute(2, 0, 1).contiguous()
