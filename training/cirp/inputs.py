"""What the towers read of N items: hidden states of the frozen text layers and decoded pictures, both made once and kept on disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from goeswith.profile import Profile
from training.cirp.model import Cirp
from training.cirp.recipe import CirpRecipe
from training.cirp.towers import tokenizer_folder
from training.dataset import Ints, Items
from training.pictures import PictureShard
from training.row_store import Rows, RowStore
from training.text_tokens import load_tokenizer, pad_id, pad_tokens, text_key, tokenise

TEXT_CHUNK, TEXT_BATCH = 512, 32
CENTRED_ON = 2_048
"""Texts whose mean is taken for the mean of all."""

Tokens = npt.NDArray[np.int32]


class Texts(NamedTuple):
    """What a text tower reads of B items."""

    hidden: Tensor
    """(B, L, D) hidden states of the frozen layers; (B, 1, D) where no layer learns, for then only their pool is read."""
    mask: Tensor
    """(B, L)."""
    ids: Tensor
    """(B, W) token ids."""


class TextShard:
    """Token ids of N texts, and hidden states of the frozen layers, kept on disk: one row a token, or one a text where no layer learns."""

    def __init__(self, texts: list[str], model: Cirp, recipe: CirpRecipe, cache: Path) -> None:
        self.has = np.array([bool(text) for text in texts], dtype=np.bool_)
        tokenizer = load_tokenizer(tokenizer_folder(recipe), recipe.max_tokens)
        self.pad_id = pad_id(tokenizer)
        self.tokens = [row.astype(np.int32) for row in tokenise(tokenizer, texts)]
        rows = {text_key(text): row for row, text in enumerate(texts) if text}
        store = RowStore(cache / f"hidden-{_frozen_hash(model, recipe)}", (model.text_width,), np.float32)
        by_length = sorted(rows, key=lambda key: len(self.tokens[rows[key]]))
        store.add(by_length, lambda keys: self._hidden(model, [self.tokens[rows[key]] for key in keys]), chunk=TEXT_CHUNK, what="reading texts")
        self.spans = np.zeros((len(texts), 2), dtype=np.int64)
        self.spans[self.has] = store.spans([text_key(text) for text in texts if text])
        self.rows = store.rows()

    @torch.no_grad()
    def _hidden(self, model: Cirp, tokens: list[Tokens]) -> list[Rows]:
        found: list[Rows] = []
        tower, device = model.text_tower, model.device
        for start in range(0, len(tokens), TEXT_BATCH):
            part = tokens[start : start + TEXT_BATCH]
            ids, mask = (torch.from_numpy(values).to(device) for values in pad_tokens(part, self.pad_id))
            hidden = tower.lower(ids, mask)
            if tower.upper_layers:
                found += [hidden[i, : len(row)].cpu().numpy() for i, row in enumerate(part)]
            else:
                found += list(tower.pooled(hidden, mask)[:, None].cpu().numpy())
        return found

    def take(self, items: Ints, most: int) -> Texts:
        """Return what the tower reads of B items: hidden states of at most ``most`` tokens each, and all ids."""
        start, count = self.spans[items, 0], np.minimum(self.spans[items, 1], most)
        at = np.arange(max(1, int(count.max(initial=0))))[None, :]
        mask = at < count[:, None]
        hidden = np.zeros((*mask.shape, self.rows.shape[1]), dtype=np.float32)
        hidden[mask] = self.rows[(start[:, None] + at)[mask]]
        ids, _ = pad_tokens([self.tokens[item] for item in items], self.pad_id)
        return Texts(torch.from_numpy(hidden), torch.from_numpy(mask.astype(np.int64)), torch.from_numpy(ids))


@dataclass(frozen=True, slots=True)
class ItemInputs:
    """Texts and pictures of all items; modalities that the recipe drops are missing everywhere."""

    texts: TextShard
    pictures: PictureShard

    @property
    def modalities(self) -> dict[str, int]:
        """How many items have each modality."""
        return {"text": int(self.texts.has.sum()), "image": int(self.pictures.has.sum())}


def build_inputs(items: Items, model: Cirp, recipe: CirpRecipe, profile: Profile) -> ItemInputs:
    """Return the inputs of a training set's items, filling the caches under the profile's home where they lack any."""
    cache = profile.root / "cache"
    texts, images = read_contents(items, recipe)
    model.eval()
    return ItemInputs(TextShard(texts, model, recipe, cache), PictureShard(images, profile.pictures, cache, recipe.image_px))


def read_contents(items: Items, recipe: CirpRecipe) -> tuple[list[str], list[str | None]]:
    """Return the text ('' where missing) and the picture's reference of each item, less the modalities that the recipe drops."""
    texts = [""] * len(items) if "text" in recipe.drop else items.texts()
    return texts, [None] * len(items) if "image" in recipe.drop else list(items.images)


@torch.no_grad()
def teach_words(model: Cirp, inputs: ItemInputs, recipe: CirpRecipe) -> None:
    """Let the text tower's word codes, where it has any, read the texts of a training set; what is encoded later does not change them."""
    shard, words = inputs.texts, model.text_tower.words
    there = np.flatnonzero(shard.has)
    if words is None or not len(there):
        return
    read = shard.take(np.random.default_rng(recipe.seed).permutation(there)[:CENTRED_ON], recipe.train_tokens)
    first, last = shard.tokens[there[0]][[0, -1]].tolist()  # [CLS] and [SEP]
    pooled = model.text_tower.pooled(read.hidden.to(model.device), read.mask.to(model.device))
    words.fit([shard.tokens[item] for item in there], pooled, (first, last, shard.pad_id))


def _frozen_hash(model: Cirp, recipe: CirpRecipe) -> str:
    """Return what the kept hidden states depend on: the frozen weights and the number of tokens."""
    digest = hashlib.sha256(f"{recipe.max_tokens} {len(model.text_tower.upper_layers)}".encode())
    for part in (model.text_tower.embeddings, model.text_tower.lower_layers):
        for name, tensor in part.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
