"""The champion as the challenger meets it: its evaluation fit, what that was trained on, and who of the challenger's items it knows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from goeswith import lake
from goeswith.errors import ModelInvalid
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.promotions import Champion
from goeswith.releases import Release
from training.bundles.files import load_bundles, read_note
from training.bundles.scorer import completers
from training.dataset import Bools, Floats, Ints, Pairs, TrainingSet, read_training_set
from training.evaluation.graph import adjacency, item_degrees, undirected
from training.evaluation.models import require_items
from training.mmsc.scorer import load_scorer
from training.reserved import Reserved, read_reserved
from training.scorers import BundleScorer, RelationScorer

GRAPH = "evaluation"


@dataclass(frozen=True, slots=True)
class Models:
    """What of a run is served, as evaluation asks for it; ``bundles`` None: the run completes none."""

    relations: RelationScorer
    bundles: BundleScorer | None


def load_models(folder: Path, training: TrainingSet) -> Models:
    """Return the models of one graph of a run. Raises ``ModelInvalid`` and ``DataContractError`` where they are damaged or of other items."""
    relations = load_scorer(folder / "mmsc", training)
    if not read_note(folder / "bundles"):
        return Models(relations, None)
    require_items(folder / "bundles", training)
    return Models(relations, completers(load_bundles(folder / "bundles"))[-1])


@dataclass(frozen=True)
class Former:
    """The champion's evaluation fit; ``job`` reads tables as its release names them."""

    job: JobRun
    models: Models
    training: TrainingSet

    def unseen(self, reserved: Reserved) -> Reserved:
        """Return what a holdout reserves less the baskets and bundles that the champion trained on, or chose by.

        The holdout moves on with time: what it reserves today either was reserved for testing then, too, or came later.
        """
        then = read_reserved(self.job, "test")
        baskets = self._unknown("events", "basket_id", reserved.baskets - then.baskets) | (reserved.baskets & then.baskets)
        bundles = self._unknown("bundles", "bundle_id", reserved.bundles - then.bundles) | (reserved.bundles & then.bundles)
        return replace(reserved, baskets=baskets, bundles=bundles)

    def _unknown(self, table: str, column: str, names: frozenset[str]) -> frozenset[str]:
        """Return those of the names that a table did not hold at the champion's version."""
        version, wanted = self.job.find_version(table), pa.array(sorted(names), pa.string())
        if version is None or not names:
            return names
        known: set[str] = set()
        for batch in lake.read_batches(self.job.profile, table, version=version, columns=[column]):
            known.update(pc.unique(batch[column].filter(pc.is_in(batch[column], value_set=wanted))).to_pylist())
        return names - known


def read_former(profile: Profile, champion: Champion, release: Release | None) -> Former:
    """Return the champion's evaluation fit.

    Raises ``ModelInvalid`` where its release or folder is gone or damaged, ``DataContractError`` where its rows are gone, ``ConfigError`` where
    its recipe is of another version of the code.
    """
    folder = profile.models / champion.run / GRAPH
    if release is None:
        raise ModelInvalid(f"there is no release {champion.release!r}", "goeswith rollout history says what is served")
    if not folder.is_dir():
        raise ModelInvalid(f"{folder} is gone", "put it back from a copy")
    job = JobRun(profile=profile, run_id=champion.run, versions=release.versions)
    training = read_training_set(profile, version=release.version_of("training_sets"), run=champion.run, graph=GRAPH)
    return Former(job, load_models(folder, training), training)


@dataclass(frozen=True)
class Common:
    """Which items of two training sets are the same, by id; positions are the challenger's unless said otherwise."""

    challenger: TrainingSet
    champion: TrainingSet

    @cached_property
    def to_champion(self) -> Ints:
        """(N,) the champion's position of each item, -1 where it does not know it."""
        return _positions(self.challenger.items.ids, self.champion.index)

    @cached_property
    def to_self(self) -> Ints:
        """(N,) each item's own position, -1 where the champion does not know it."""
        return np.where(self.known, np.arange(len(self.known)), -1)

    @cached_property
    def known(self) -> Bools:
        """(N,) whether the champion knows each item, too."""
        return self.to_champion >= 0

    @cached_property
    def pairs(self) -> Pairs:
        """The champion's training pairs between items that both know."""
        to_challenger = _positions(self.champion.items.ids, self.challenger.index)
        pairs = self.champion.pairs
        moved = replace(pairs, src=to_challenger[pairs.src], dst=to_challenger[pairs.dst])
        return moved.where((moved.src >= 0) & (moved.dst >= 0))

    def joined(self, kind: str) -> sp.csr_matrix:
        """Return the 0/1 matrix (N, N) of pairs that the champion's training joined, in either direction."""
        pairs, size = self.pairs.of_type(kind), len(self.known)
        return undirected(adjacency(pairs.src, pairs.dst, np.ones(len(pairs), np.float32), size))

    @cached_property
    def degrees(self) -> Floats:
        """(N,) in how many of the champion's training pairs each item stands."""
        return item_degrees(self.pairs, self.challenger.items)


def _positions(names: Iterable[str], index: dict[str, int]) -> Ints:
    return np.array([index.get(name, -1) for name in names], dtype=np.int64)
