"""What the towers read of N items: hidden states of the frozen text layers and decoded pictures, both made once and kept on disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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


class TextShard:
    """Hidden states of the frozen layers, one row a token; one row a text where no layer learns, for then only their pool is read."""

    def __init__(self, texts: list[str], model: Cirp, recipe: CirpRecipe, cache: Path) -> None:
        self.has = np.array([bool(text) for text in texts], dtype=np.bool_)
        tokenizer = load_tokenizer(tokenizer_folder(recipe), recipe.max_tokens)
        self.pad_id = pad_id(tokenizer)
        tokens = {text_key(text): row for text, row in zip(texts, tokenise(tokenizer, texts), strict=True) if text}
        store = RowStore(cache / f"hidden-{_frozen_hash(model, recipe)}", (model.text_width,), np.float32)
        by_length = sorted(tokens, key=lambda key: len(tokens[key]))
        store.add(by_length, lambda keys: self._hidden(model, [tokens[key] for key in keys]), chunk=TEXT_CHUNK, what="reading texts")
        self.spans = np.zeros((len(texts), 2), dtype=np.int64)
        self.spans[self.has] = store.spans([text_key(text) for text in texts if text])
        self.rows = store.rows()

    @torch.no_grad()
    def _hidden(self, model: Cirp, tokens: list[Ints]) -> list[Rows]:
        found: list[Rows] = []
        tower = model.text_tower
        for start in range(0, len(tokens), TEXT_BATCH):
            part = tokens[start : start + TEXT_BATCH]
            ids, mask = map(torch.from_numpy, pad_tokens(part, self.pad_id))
            hidden = tower.lower(ids, mask)
            if tower.upper_layers:
                found += [hidden[i, : len(row)].numpy() for i, row in enumerate(part)]
            else:
                found += list(tower.upper(hidden, mask)[:, None].numpy())
        return found

    def take(self, items: Ints, most: int) -> tuple[Tensor, Tensor]:
        """Return hidden states (B, L, D) and their mask (B, L), at most ``most`` tokens each."""
        start, count = self.spans[items, 0], np.minimum(self.spans[items, 1], most)
        at = np.arange(max(1, int(count.max(initial=0))))[None, :]
        mask = at < count[:, None]
        hidden = np.zeros((*mask.shape, self.rows.shape[1]), dtype=np.float32)
        hidden[mask] = self.rows[(start[:, None] + at)[mask]]
        return torch.from_numpy(hidden), torch.from_numpy(mask.astype(np.int64))


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


def _frozen_hash(model: Cirp, recipe: CirpRecipe) -> str:
    """Return what the kept hidden states depend on: the frozen weights and the number of tokens."""
    digest = hashlib.sha256(f"{recipe.max_tokens} {len(model.text_tower.upper_layers)}".encode())
    for part in (model.text_tower.embeddings, model.text_tower.lower_layers):
        for name, tensor in part.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
