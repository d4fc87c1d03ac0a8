"""What a run's trainers left, as the export reads it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.bundles.fit import Fitted
from training.dataset import Floats, Items
from training.export.modules import ItemEncoder, Towers
from training.export.preprocess import Preprocess
from training.mmsc.model import Behaviour, Mmsc
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.stored import StoredVectors
from training.mmsc.vectors import nearest_mean, relate_on

CONTENT, COLD_START, BEHAVIOUR = range(3)
"""What the vector of an item rests on: its content alone, behaviour lent by its neighbours (Eq. 12), its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Models, vectors and preprocessing of one run on the full graph; position i of every array is ``items.ids[i]``."""

    items: Items
    towers: Towers
    mmsc: Mmsc
    mmsc_recipe: MmscRecipe
    preprocess: Preprocess
    feature: Floats
    """(N, d): x of CIRP, which an item outside the catalogue is told to have."""
    vectors: StoredVectors
    bundles: Fitted

    @property
    def encoder(self) -> ItemEncoder:
        """The encoder of a new item."""
        return ItemEncoder(self.towers, self.mmsc).eval()

    def behaviour(self, kind: str) -> Floats:
        """Return (N, b) behaviour of one task."""
        return self.vectors.tensors[f"behaviour_{kind}"]

    def relate_new(self, content: Tensor, kind: str) -> tuple[dict[str, Floats], int]:
        """Return the query vectors (d,) of a new item's content (1, c) by relation, and what that of ``kind`` rests on, by the trainer's own code."""
        everything = torch.cat([torch.from_numpy(self.vectors.tensors["content"]), content])
        lent: dict[str, tuple[Tensor, Tensor]] = {k: self._lend(everything, k) for k in KINDS}
        behaviour = Behaviour({k: p for k, (p, _) in lent.items()}, {k: near for k, (_, near) in lent.items()})
        vectors = relate_on(self.mmsc, content, behaviour)
        queries = {"substitute": vectors.substitute[0].numpy(), "complement": vectors.complement_source[0].numpy()}
        return queries, COLD_START if bool(lent[kind][1][0]) else CONTENT

    def _lend(self, everything: Tensor, kind: str) -> tuple[Tensor, Tensor]:
        """Return the behaviour (1, b) that the catalogue lends to the one item behind it, and whether any is near enough."""
        own = torch.from_numpy(self.behaviour(kind))
        p = torch.cat([own, own.new_zeros(1, own.shape[1])])
        warm = torch.from_numpy(np.append(self.vectors.sources(kind) == BEHAVIOUR, False))
        return nearest_mean(everything, p, warm, torch.tensor([len(own)]), self.mmsc_recipe)
