"""BLIP's image tower, by its own weights but computed with less: B pictures, T tokens (the class token first), D width, S pixels a side."""

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from goeswith.errors import ConfigError


class VisionLayer(nn.Module):
    """A layer of BLIP's with fused attention: ``transformers`` keeps the (B, heads, T, T) matrix, at 384 pixels most of what a layer moves.

    Its parts are those of the layer that it is made of, so weights keep their names.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer_norm1, self.self_attn, self.layer_norm2, self.mlp = layer.layer_norm1, layer.self_attn, layer.layer_norm2, layer.mlp

    def forward(self, hidden: Tensor, *, of: int | None = None) -> Tensor:
        """Return (B, T, D) of hidden states (B, T, D), or (B, ``of``, D) of the first tokens alone."""
        asked = hidden[:, :of]
        asked = asked + self._attended(self.layer_norm1(hidden), asked.shape[1])
        found: Tensor = asked + self.mlp(self.layer_norm2(asked))
        return found

    def _attended(self, hidden: Tensor, of: int) -> Tensor:
        attention, (count, tokens, width) = self.self_attn, hidden.shape
        parts = attention.qkv(hidden).view(count, tokens, 3, attention.num_heads, attention.head_dim)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropped = attention.dropout.p if self.training else 0.0
        found = F.scaled_dot_product_attention(query[:, :, :of], key, value, dropout_p=dropped)
        projected: Tensor = attention.projection(found.transpose(1, 2).reshape(count, of, width))
        return projected


class BlipImageTower(nn.Module):
    """BLIP's ViT; patch embedding, lower layers and the last norm frozen (as the paper's code does)."""

    def __init__(self, vision: Any, *, trained: int, save_memory: bool = False) -> None:
        super().__init__()
        layers = vision.encoder.layers
        if not 0 <= trained <= len(layers):
            raise ConfigError(f"{trained} image layers are to learn, and the tower has {len(layers)}", f"0 to {len(layers)}")
        vision.encoder.layers = nn.ModuleList(VisionLayer(layer) for layer in layers)
        vision.requires_grad_(False)
        self.vision, self.width, self.trained, self.save_memory = vision, int(vision.config.hidden_size), trained, save_memory
        for layer in self.upper_layers:
            layer.requires_grad_(True)

    @property
    def layers(self) -> nn.ModuleList:
        """All layers."""
        found: nn.ModuleList = self.vision.encoder.layers
        return found

    @property
    def upper_layers(self) -> nn.ModuleList:
        """The layers that learn."""
        return self.layers[len(self.layers) - self.trained :]

    def lower(self, pixels: Tensor) -> Tensor:
        """Return the frozen layers' hidden states (B, T, D) of normalised pixels (B, 3, S, S)."""
        hidden: Tensor = self.vision.embeddings(pixels)
        for layer in self.layers[: len(self.layers) - self.trained]:
            hidden = layer(hidden)
        return hidden

    def upper(self, hidden: Tensor) -> Tensor:
        """Return the class token's vector (B, D) of the frozen layers' hidden states; the last layer computes no other token's."""
        for at, layer in enumerate(self.upper_layers, start=1):
            call = partial(layer, of=1 if at == self.trained else None)
            saved = self.save_memory and self.training
            hidden = checkpoint(call, hidden, use_reentrant=False) if saved else call(hidden)
        found: Tensor = self.vision.post_layernorm(hidden[:, 0])
        return found

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the class token's vector (B, D) of normalised pixels (B, 3, S, S)."""
        return self.upper(self.lower(pixels))
