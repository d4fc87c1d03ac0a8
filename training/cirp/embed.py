"""A trained CIRP as the encoder of any catalogue: what a vector depends on, and the vectors of a block of items."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from goeswith import fingerprint
from goeswith.profile import Profile
from training.cirp.files import load_cirp
from training.cirp.inputs import build_inputs, read_contents
from training.cirp.model import Cirp
from training.cirp.recipe import CirpRecipe
from training.cirp.vectors import encode_items
from training.dataset import Items
from training.trainer.checkpoint import weights_digest
from training.trainer.device import choose_device


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """``run`` trained the model; ``digest`` says which one it is: run, recipe and weights."""

    run: str
    model: Cirp
    recipe: CirpRecipe
    digest: str

    def made_from(self, items: Items) -> list[str]:
        """Return of N items what a vector depends on: equal for the same model, text and picture."""
        contents = zip(*read_contents(items, self.recipe), strict=True)
        return [fingerprint.of_values(self.digest, text, image) for text, image in contents]

    def encode(self, items: Items, profile: Profile) -> Mapping[str, Tensor]:
        """Return what ``encode_items`` does of N items, which are held in memory: a block of a catalogue."""
        model = self.model.to(choose_device("auto"))
        return encode_items(model, build_inputs(items, model, self.recipe, profile), np.arange(len(items)), self.recipe.max_tokens)


def load_encoder(folder: Path, run: str) -> Encoder:
    """Return the CIRP that ``run`` left in ``folder``. Raises ``ModelInvalid``."""
    model, recipe = load_cirp(folder)
    return Encoder(run=run, model=model, recipe=recipe, digest=fingerprint.of_values(run, asdict(recipe), weights_digest(model)))
