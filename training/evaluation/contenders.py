"""Every scorer that one run can compare: the baselines that its data allows, and the models that it trained."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.bundles.files import load_bundles, read_note
from training.bundles.scorer import BundleCompleter, completers
from training.dataset import TrainingSet
from training.evaluation.baselines.boosted_bundles import fit_boosted_bundles
from training.evaluation.baselines.boosted_relations import fit_boosted_relations
from training.evaluation.baselines.graph_networks import graph_networks
from training.evaluation.baselines.simple import simple_baselines
from training.evaluation.graph import KINDS
from training.evaluation.models import encoder_ranker, mixed_with_words, read_vectors, require_items, retrained
from training.evaluation.ranker import BundleRanker, RelationRanker
from training.evaluation.world import World
from training.mmsc.scorer import load_scorer, read_recipe
from training.scorers import BundleScorer, RelationScorer

logger = logging.getLogger(__name__)

MIN_EDGES = 200
"""Training edges of a type below which boosted trees have nothing to learn from."""


@dataclass(slots=True)
class Contenders:
    """Where the run's models lie, and why each scorer that is not in the tables is not."""

    models: Path
    baselines: bool = True
    """Off: our models alone."""
    seed: int = 0
    """Of the baselines that learn."""
    skipped: dict[str, str] = field(default_factory=dict)

    def skip(self, what: str, why: str) -> None:
        """Say that a scorer is left out, and why."""
        self.skipped[what] = why
        logger.info("%s is not measured: %s", what, why)

    def encoders(self, training: TrainingSet) -> list[RelationRanker]:
        """Return ItemKNN over the features of the encoder, trained and untrained."""
        found = []
        for name, folder in (("cirp", self.models / "cirp"), ("untrained", self.models / "cirp" / "untrained")):
            if (folder / "vectors.safetensors").is_file():
                found.append(encoder_ranker(name, read_vectors(folder, training)["feature"]))
            else:
                self.skip(name, "this run holds no vectors of it")
        return found

    def for_bundles(self, world: World, shared: Sequence[RelationRanker]) -> list[BundleScorer]:
        """Return what is measured on bundles."""
        found: list[BundleScorer] = [*(ranker.for_bundles() for ranker in shared), *self._completers(world.training)]
        if not self.baselines:
            return found
        boosted = fit_boosted_bundles(world.training, world.validation_bundles)
        if boosted is None:
            self.skip("boosted (bundle)", "too few validation bundles to fit it")
        mixed = self._mixed(world, {ranker.name: ranker for ranker in shared})
        return [*found, *(scorer for scorer in (boosted, mixed) if scorer is not None)]

    def _completers(self, training: TrainingSet) -> list[BundleCompleter]:
        folder = self.models / "bundles"
        if not read_note(folder):
            self.skip("cirp+set, cirp+trees", "this run holds no bundle completion")
            return []
        require_items(folder, training)
        return completers(load_bundles(folder))

    def _mixed(self, world: World, shared: dict[str, RelationRanker]) -> BundleRanker | None:
        words = shared.get("tfidf") or shared.get("tfidf-text")
        if "cirp" not in shared or words is None or not len(world.validation_bundles):
            self.skip("cirp+tfidf", "it needs the encoder, words and validation bundles to choose on")
            return None
        features = read_vectors(self.models / "cirp", world.training)["feature"]
        return mixed_with_words("cirp+tfidf", features, words.complement, world.validation_bundles, world.training, world.known_at)

    def for_relations(self, training: TrainingSet, kind: str, shared: Sequence[RelationRanker], *, strict: bool) -> list[RelationScorer]:
        """Return what is measured on one relation type, from what ``training`` says."""
        mmsc = self._mmsc_anew(training, strict=True) if strict else self._mmsc(training)
        return [*shared, *self._boosted(training, kind, strict=strict), *mmsc]

    def for_both(self, full: TrainingSet) -> dict[str, list[RelationScorer]]:
        """Return what is measured on each relation type, all of it trained anew on every edge of ``full``."""
        shared, mmsc = self.shared(full), self._mmsc_anew(full, strict=False)
        return {kind: [*shared, *self._boosted(full, kind, strict=False), *mmsc] for kind in KINDS}

    def _boosted(self, training: TrainingSet, kind: str, *, strict: bool) -> list[RelationScorer]:
        if not self.baselines:
            return []
        if len(training.pairs.of_type(kind)) < MIN_EDGES:
            self.skip(f"boosted ({kind})", "too few training edges to fit it")
            return []
        return [fit_boosted_relations(training, kinds=(kind,), strict=strict, seed=self.seed)]

    def _mmsc(self, training: TrainingSet) -> list[RelationScorer]:
        return [load_scorer(self.models / "mmsc", training)] if self._has_mmsc() else []

    def _mmsc_anew(self, training: TrainingSet, *, strict: bool) -> list[RelationScorer]:
        if not self._has_mmsc():
            return []
        if read_recipe(self.models / "mmsc").tokens != "cirp":
            self.skip("mmsc (strict, published)", "only MMSC on CIRP's tokens is trained anew here")
            return []
        return [retrained(self.models, training, strict=strict)]

    def _has_mmsc(self) -> bool:
        found = (self.models / "mmsc" / "vectors.safetensors").is_file()
        if not found:
            self.skip("mmsc", "this run holds no vectors of it")
        return found

    def shared(self, training: TrainingSet) -> list[RelationRanker]:
        """Return what serves both tasks."""
        baselines = [*simple_baselines(training), *graph_networks(training, self.seed)] if self.baselines else []
        return [*baselines, *self.encoders(training)]
