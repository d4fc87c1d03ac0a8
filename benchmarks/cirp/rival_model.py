"""The rival's model: the towers as ``transformers`` has them, each text and picture read whole, beside the heads that ours begins with."""

import copy
from abc import abstractmethod
from typing import Any, Self

from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertModel, BlipForImageTextRetrieval

from benchmarks.cirp.examples import Collated
from training.cirp.losses import Encoded, Modality
from training.cirp.model import TEMPERATURE_RANGE, Cirp
from training.cirp.recipe import CirpRecipe
from training.cirp.towers import MINILM


class Rival(nn.Module):
    """Two towers and heads. ``frozen`` modules learn nothing, and stay without dropout."""

    frozen: tuple[nn.Module, ...]

    def __init__(self, cirp: Cirp) -> None:
        super().__init__()
        self.text_projection, self.image_projection = copy.deepcopy(cirp.text_projection), copy.deepcopy(cirp.image_projection)
        self.log_temperature, self.log_picture_share = copy.deepcopy(cirp.log_temperature), copy.deepcopy(cirp.log_picture_share)
        self.missing = copy.deepcopy(cirp.missing)

    @abstractmethod
    def read_texts(self, batch: Collated) -> Tensor:
        """Return one vector a text (B, dt)."""

    @abstractmethod
    def read_pictures(self, pixels: Tensor) -> Tensor:
        """Return one vector a picture (M, di)."""

    @property
    def pretrained(self) -> list[nn.Parameter]:
        """What learns at the pretrained layers' rate."""
        return [p for module in self.pretrained_modules() for p in module.parameters()]

    @abstractmethod
    def pretrained_modules(self) -> list[nn.Module]:
        """The towers whose weights come from a checkpoint."""

    def freeze(self, *modules: nn.Module) -> None:
        """Let modules learn nothing: no operation below the first layer that learns is recorded."""
        self.frozen = modules
        for module in modules:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Let what is frozen stay without dropout."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    @property
    def temperature(self) -> Tensor:
        """The learned temperature, within our range."""
        return self.log_temperature.exp().clamp(*TEMPERATURE_RANGE)

    def forward(self, batch: Collated) -> Encoded:
        """Return the projected vectors of texts and pictures (B, d), zero for a picture that is missing, and the features."""
        text = self.text_projection(F.normalize(self.read_texts(batch), dim=-1))
        image = text.new_zeros(text.shape)
        if len(batch.pixels):
            image[batch.has_image] = self.image_projection(F.normalize(self.read_pictures(batch.pixels), dim=-1)).to(image.dtype)
        encoded = Encoded(batch.items, Modality(text, batch.has_text), Modality(image, batch.has_image))
        return encoded._replace(whole=self.fuse(encoded))

    def fuse(self, encoded: Encoded) -> Tensor:
        """Return the features (B, d); for a text or picture that is missing stands its learned vector, where there is one."""
        (text, has_text), (image, has_image) = ((vectors, has[:, None]) for vectors, has in (encoded.text, encoded.image))
        found = text * has_text + self.log_picture_share.exp() * image * has_image
        if self.missing is not None:
            found = found + (self.missing[0] * ~has_text + self.missing[1] * ~has_image) * (has_text | has_image)
        return F.normalize(found, dim=-1)


class MiniLmRival(Rival):
    """MiniLM whole, its lower layers frozen, beside the small picture tower."""

    def __init__(self, cirp: Cirp, recipe: CirpRecipe) -> None:
        super().__init__(cirp)
        self.bert: Any = BertModel.from_pretrained(MINILM, add_pooling_layer=False, local_files_only=True)
        self.image_tower, self.words = copy.deepcopy(cirp.image_tower), copy.deepcopy(cirp.text_tower.words)
        layers = self.bert.encoder.layer
        self.freeze(self.bert.embeddings, *layers[: len(layers) - recipe.trained_text_layers])

    def read_texts(self, batch: Collated) -> Tensor:
        """Return the mean of the last layer's hidden states, and the words where ours reads them."""
        hidden = self.bert(**batch.tokens).last_hidden_state
        weights = batch.tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        found: Tensor = pooled if self.words is None else self.words(pooled, batch.tokens["input_ids"])
        return found

    def read_pictures(self, pixels: Tensor) -> Tensor:
        """Return the ConvNet's vectors."""
        found: Tensor = self.image_tower(pixels)
        return found

    def pretrained_modules(self) -> list[nn.Module]:
        """Return MiniLM alone: the ConvNet learns from nothing."""
        return [self.bert]


class BlipRival(Rival):
    """BLIP's two encoders whole, their lower layers frozen."""

    def __init__(self, cirp: Cirp, recipe: CirpRecipe) -> None:
        super().__init__(cirp)
        blip: Any = BlipForImageTextRetrieval.from_pretrained(recipe.weights, local_files_only=True)
        self.text_encoder: Any = blip.text_encoder
        self.vision: Any = blip.vision_model
        texts, pictures = self.text_encoder.encoder.layer, self.vision.encoder.layers
        frozen_texts, frozen_pictures = texts[: len(texts) - recipe.trained_text_layers], pictures[: len(pictures) - recipe.trained_image_layers]
        self.freeze(self.text_encoder.embeddings, *frozen_texts, self.vision.embeddings, *frozen_pictures, self.vision.post_layernorm)

    def read_texts(self, batch: Collated) -> Tensor:
        """Return the first token's hidden state."""
        found: Tensor = self.text_encoder(input_ids=batch.tokens["input_ids"], attention_mask=batch.tokens["attention_mask"]).last_hidden_state[:, 0]
        return found

    def read_pictures(self, pixels: Tensor) -> Tensor:
        """Return the class token's hidden state."""
        found: Tensor = self.vision(pixel_values=pixels).last_hidden_state[:, 0]
        return found

    def pretrained_modules(self) -> list[nn.Module]:
        """Return both encoders."""
        return [self.text_encoder, self.vision]


def build_rival(cirp: Cirp, recipe: CirpRecipe) -> Rival:
    """Return the rival of a recipe, its heads as ``cirp``'s."""
    return (MiniLmRival if recipe.towers == "small" else BlipRival)(cirp, recipe)
