"""The vectors that MMSC leaves on disk (``vectors.safetensors``), and what can be asked of them without the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from training.dataset import Floats, Ints
from training.mmsc.content import Tokens
from training.mmsc.model import Relational
from training.mmsc.recipe import KINDS
from training.mmsc.vectors import ItemVectors
from training.trainer.checkpoint import load_tensors, save_tensors

SOURCES = ("content", "cold_start", "behaviour")
"""Where an answer comes from, weakest first."""

GATHER = 32
"""How many products of a whole row cost about what gathering one candidate's vector does."""


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """``tensors`` by name, N rows each, L2-normalised or zero.

    ``substitute``, ``complement_source``, ``complement_target``: what scores are dot products of. ``content`` q;
    ``behaviour_<task>`` p; ``warm_<task>`` 1 where behaviour is the item's own, ``lent_<task>`` 1 where warm items of near
    content lent it (Eq. 12). ``plain_<modality>``: the frozen vectors, untrained. ``attention_<modality>``, ``content_share_<task>``: ``look``.
    """

    tensors: dict[str, npt.NDArray[Any]]

    @property
    def size(self) -> int:
        """N."""
        return len(self.tensors["content"])

    def ends(self, kind: str) -> tuple[Floats, Floats]:
        """Return the query side and the candidate side (N, d) of a task; one and the same for substitutes."""
        if kind == "substitute":
            return self.tensors["substitute"], self.tensors["substitute"]
        return self.tensors["complement_source"], self.tensors["complement_target"]

    def cosines(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return (B, C, 4): score of the task's vectors, cosine of contents, of texts and of pictures (0 where one is missing)."""
        source, target = self.ends(kind)
        pairs = [(source, target), *((self.tensors[name],) * 2 for name in ("content", "plain_text", "plain_image"))]
        return np.stack([_dots(a, b, src, candidates) for a, b in pairs], axis=-1)

    def nearest(self, kind: str, src: Ints, count: int) -> Ints:
        """Return the positions (B, count) of the best candidates by vector, best first; the query itself comes last of all."""
        source, target = self.ends(kind)
        scores = torch.from_numpy(source[src]) @ torch.from_numpy(target).T
        scores[torch.arange(len(src)), torch.from_numpy(src)] = -2.0
        return np.asarray(scores.topk(count, dim=1).indices.numpy(), dtype=np.int64)

    def sources(self, kind: str) -> Ints:
        """Return (N,) index into SOURCES: what stands behind an item's vector in a task."""
        return np.where(self.tensors[f"warm_{kind}"] > 0, 2, self.tensors[f"lent_{kind}"].astype(np.int64))


def _dots(source: Floats, target: Floats, src: Ints, candidates: Ints) -> Floats:
    """Return (B, C) dot products: read from whole rows of products where the candidates are no small share of all items.

    Gathering the candidates' vectors moves so much memory that one product is cheaper to gather than to make.
    """
    if candidates.shape[1] * GATHER < len(target):
        return np.asarray(np.einsum("bd,bcd->bc", source[src], target[candidates]), dtype=np.float32)
    return np.take_along_axis(source[src] @ target.T, candidates, axis=1)


def store_vectors(vectors: ItemVectors, tokens: Tokens) -> StoredVectors:
    """Return the arrays of ``vectors`` as they are stored."""
    tensors = {"content": vectors.content, **{name: getattr(vectors.relational, name) for name in Relational._fields}}
    tensors |= vectors.looks
    for kind in KINDS:
        tensors[f"behaviour_{kind}"] = vectors.behaviour.p[kind]
        tensors[f"warm_{kind}"] = vectors.warm[kind].to(torch.uint8)
        tensors[f"lent_{kind}"] = (vectors.behaviour.known[kind] & ~vectors.warm[kind]).to(torch.uint8)
    for modality in ("text", "image"):
        tensors[f"plain_{modality}"] = _plain(tokens, modality)
    return StoredVectors({name: value.contiguous().numpy() for name, value in tensors.items()})


def _plain(tokens: Tokens, modality: str) -> torch.Tensor:
    if modality not in tokens.values:
        return torch.zeros(len(tokens.any_present), 1)
    return normalize(tokens.values[modality].float().mean(1), dim=-1) * tokens.present[modality][:, None]


def write_vectors(path: Path, vectors: StoredVectors) -> None:
    """Write the file whole or not at all."""
    save_tensors(path, {name: torch.from_numpy(value) for name, value in vectors.tensors.items()})


def load_vectors(path: Path) -> StoredVectors:
    """Load what ``write_vectors`` wrote. Raises ``ModelInvalid`` where it cannot be read."""
    return StoredVectors({name: tensor.numpy() for name, tensor in load_tensors(path, "train_mmsc").items()})
