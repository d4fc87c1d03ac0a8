"""What is exported of the models: the encoder of an item, and the gates that a new item's vectors come from."""

from typing import Protocol

from torch import Tensor, nn

from training.mmsc.content import Tokens
from training.mmsc.model import Behaviour, Mmsc
from training.mmsc.recipe import KINDS


class Towers(Protocol):
    """The part of CIRP that serving needs; vectors are un-projected and L2-normalised."""

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return (B, dt)."""

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Return (B, di)."""

    def feature(self, text: Tensor, image: Tensor, has_text: Tensor, has_image: Tensor) -> Tensor:
        """Return x (B, d)."""


class ItemEncoder(nn.Module):
    """Tensors of an item -> feature x of CIRP (bundles) and content q of MMSC (relations)."""

    def __init__(self, towers: Towers, mmsc: Mmsc) -> None:
        super().__init__()
        self.towers = towers
        self.mmsc = mmsc

    def forward(self, input_ids: Tensor, attention_mask: Tensor, pixels: Tensor, has_text: Tensor, has_image: Tensor) -> tuple[Tensor, Tensor]:
        """Return feature (B, d) and content (B, c); ``has_*`` (B, 1) uint8."""
        there = {"text": has_text[:, 0] > 0, "image": has_image[:, 0] > 0}
        text = self.towers.encode_text(input_ids, attention_mask)
        image = self.towers.encode_image(pixels)
        feature = self.towers.feature(text, image, there["text"], there["image"])
        values = {"text": text[:, None] * there["text"][:, None, None], "image": image[:, None] * there["image"][:, None, None]}
        return feature, self.mmsc.contents(Tokens(values, there))


class Gates(nn.Module):
    """Content and behaviour of an item -> the vectors that it queries with (MMSC, Eq. 8 and 12)."""

    def __init__(self, mmsc: Mmsc) -> None:
        super().__init__()
        self.mmsc = mmsc

    def forward(
        self, content: Tensor, behaviour_substitute: Tensor, behaviour_complement: Tensor, known_substitute: Tensor, known_complement: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return substitute and complement_source, (B, d) each; ``known_*`` (B,) uint8 say where there is behaviour."""
        p: dict[str, Tensor] = dict(zip(KINDS, (behaviour_substitute, behaviour_complement), strict=True))
        known: dict[str, Tensor] = {kind: flag > 0 for kind, flag in zip(KINDS, (known_substitute, known_complement), strict=True)}
        vectors = self.mmsc.relate(content, Behaviour(p, known))
        return vectors.substitute, vectors.complement_source
