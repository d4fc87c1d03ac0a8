"""CIRP's encoder: two towers, two projections into one space, one temperature (models.md section 1, Encoder and Features)."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.cirp.blip_image import BlipImageTower
from training.cirp.recipe import CirpRecipe
from training.cirp.towers import ImageTower, TextTower, build_towers
from training.trainer.loop import scale_lr

TEMPERATURE_RANGE = (0.001, 0.5)


class Projection(nn.Module):
    """A linear map plus a residual that starts at zero; starts as the identity where widths agree, so a pretrained tower loses nothing."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, dim, bias=False)
        self.hidden = nn.Linear(width, 2 * dim)
        self.out = nn.Linear(2 * dim, dim)
        nn.init.eye_(self.linear.weight) if width == dim else nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, dim), L2-normalised, of (B, width) L2-normalised."""
        scaled = x * math.sqrt(x.shape[-1])
        return F.normalize(self.linear(scaled) + self.out(F.gelu(self.hidden(scaled))), dim=-1)


class Cirp(nn.Module):
    """Item encoder. ``text_width`` (dt) and ``image_width`` (di) are the towers', ``dim`` (d) is the common space's."""

    def __init__(self, text: TextTower, image: ImageTower, recipe: CirpRecipe) -> None:
        super().__init__()
        self.text_tower, self.image_tower = text, image
        self.text_width, self.image_width, self.dim = text.width, image.width, recipe.dim
        self.text_projection = Projection(text.width, recipe.dim)
        self.image_projection = Projection(image.width, recipe.dim)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(recipe.temperature)))
        self.log_picture_share = nn.Parameter(torch.tensor(math.log(recipe.picture_share)), requires_grad=recipe.picture_share_learns)
        self.missing = nn.Parameter(torch.zeros(2, recipe.dim)) if recipe.learned_missing else None  # of text, of image

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return self.log_temperature.device

    @property
    def temperature(self) -> Tensor:
        """The learned temperature, within ``TEMPERATURE_RANGE``."""
        return self.log_temperature.exp().clamp(*TEMPERATURE_RANGE)

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return un-projected, L2-normalised text vectors (B, dt) of token ids (B, L)."""
        return F.normalize(self.text_tower(input_ids, attention_mask), dim=-1)

    def encode_hidden(self, hidden: Tensor, attention_mask: Tensor, input_ids: Tensor) -> Tensor:
        """Return what ``encode_text`` does, from the frozen layers' hidden states (B, L, D)."""
        return F.normalize(self.text_tower.upper(hidden, attention_mask, input_ids), dim=-1)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Return un-projected, L2-normalised image vectors (B, di) of normalised pixels (B, 3, S, S)."""
        return self.encode_image_hidden(self.image_tower.lower(pixels))

    def encode_image_hidden(self, hidden: Tensor) -> Tensor:
        """Return what ``encode_image`` does, from what the frozen layers make of the pixels (B, ...)."""
        return F.normalize(self.image_tower.upper(hidden), dim=-1)

    def feature(self, text: Tensor, image: Tensor, has_text: Tensor, has_image: Tensor) -> Tensor:
        """Return x (B, d), see ``fuse``; ``text`` (B, dt), ``image`` (B, di) as ``encode_*`` return them; ``has_*`` (B,) bool."""
        return self.fuse(self.text_projection(text), self.image_projection(image), has_text, has_image)

    def fuse(self, text: Tensor, image: Tensor, has_text: Tensor, has_image: Tensor) -> Tensor:
        """Return x (B, d): the normalised sum of both projected vectors (B, d), the picture's by its share; zero without both.

        For one that is missing stands its learned vector, or where the recipe has none, nothing.
        """
        one, other = has_text.unsqueeze(-1), has_image.unsqueeze(-1)
        found = text * one + self.log_picture_share.exp() * image * other
        if self.missing is not None:
            found = found + (self.missing[0] * ~one + self.missing[1] * ~other) * (one | other)
        return F.normalize(found, dim=-1)


def build_cirp(recipe: CirpRecipe) -> Cirp:
    """Return the encoder before training: pretrained towers, projections that start as maps of the towers' own space."""
    text, image = build_towers(recipe)
    model = Cirp(text, image, recipe)
    scale_lr(text.upper_layers, recipe.tower_lr_scale)
    text.save_memory = recipe.save_memory
    if recipe.towers == "blip":
        scale_lr(image, recipe.tower_lr_scale)
    return model


def compile_towers(model: Cirp) -> None:
    """Let torch compile the towers' layers, in place: names of weights stay. Layers that are alike share what is compiled."""
    for layer in (*model.text_tower.upper_layers, *_image_layers(model)):
        layer.compile(dynamic=True)  # how many of a batch have a picture, and how long its longest text is, differs


def _image_layers(model: Cirp) -> Iterable[nn.Module]:
    tower = model.image_tower
    return tower.layers if isinstance(tower, BlipImageTower) else [tower.blocks]
