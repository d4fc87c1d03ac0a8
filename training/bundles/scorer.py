"""Bundle completion as evaluation asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_repository.completion import Completion
from training.bundles.fit import Fitted
from training.bundles.knowledge import Knowledge
from training.bundles.trees import Trees, score_all
from training.dataset import Floats


@dataclass(frozen=True, slots=True)
class BundleCompleter:
    """Implements ``BundleScorer``: by the trees, or without them by the set encoder and words."""

    name: str
    knowledge: Knowledge
    completion: Completion
    trees: Trees | None

    def score(self, given: Sequence[int]) -> Floats:
        """Return (N,)."""
        known = np.array(given, dtype=np.int64)
        return score_all(self.trees, self.completion.find(known, self.knowledge.query(known)))


def completers(fitted: Fitted) -> list[BundleCompleter]:
    """Return the set encoder with words, and the trees where they are part of the model."""
    completion = fitted.knowledge.completion()
    found = [BundleCompleter("cirp+set", fitted.knowledge, completion, None)]
    return found if fitted.trees is None else [*found, BundleCompleter("cirp+trees", fitted.knowledge, completion, fitted.trees)]
