"""What is trained on: the synthetic shop's items, drawn once, or the training set that a run has retrieved."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goeswith import lake
from goeswith.errors import VersionMissing
from goeswith.profile import Profile
from goeswith.results import write_json
from spark_jobs.sources.shop import DEFAULT_SEED, plant_shop
from spark_jobs.sources.shop.latent import Items as Drawn
from spark_jobs.sources.shop.pictures import draw_pictures
from spark_jobs.sources.shop.tables import Row, item_rows
from training.dataset import Ints, Items, Pairs, TrainingSet, read_training_set

SYNTHETIC = "synthetic"
LEAST_MET = 2
"""Baskets in which two items met before they are neighbours, as in the table of pairs."""
GRAPH = "full"
COMPLETE = "complete.json"


@dataclass(frozen=True, slots=True)
class Shop:
    """A training set by the name that figures give it; ``home`` is the bench's own: its pictures are the shop's, its caches may be deleted."""

    name: str
    training: TrainingSet
    home: Profile


def read_shop(profile: Profile, run: str, folder: Path) -> Shop:
    """Return what ``run`` has retrieved. Raises ``VersionMissing`` where no run has, ``DataContractError`` where that one has not."""
    version = lake.current_version(profile, "training_sets")
    if version is None:
        raise VersionMissing(f"there is no training set in {profile.root}", "run: goeswith demo, or leave --run out")
    training = read_training_set(profile, version=version, run=run, graph=GRAPH)
    home = _home_in(folder)
    if not home.pictures.is_symlink():
        home.pictures.symlink_to(profile.pictures, target_is_directory=True)
    return Shop(run, training, home)


def make_shop(size: int, folder: Path, seed: int = DEFAULT_SEED) -> Shop:
    """Return the synthetic shop of ``size`` items without its dirt; pictures are drawn below ``folder`` where it has none yet.

    Takes about 15 s for 1,500 items, 5 s with their pictures there.
    """
    shop, home = plant_shop(seed, size), _home_in(folder)
    _draw_once(shop.truth.items, home.pictures, seed)
    rows = sorted(item_rows(shop.truth.items, seed), key=lambda row: row["item_id"])
    order = np.argsort(shop.truth.items.item_id)
    met = np.triu(shop.truth.bought[order][:, order], 1)
    return Shop(SYNTHETIC, TrainingSet(GRAPH, build_items(rows), build_pairs(met)), home)


def _home_in(folder: Path) -> Profile:
    """Return a profile whose home is ``folder``, whatever the environment says."""
    folder.mkdir(parents=True, exist_ok=True)
    return Profile.model_construct(home=folder)


def _draw_once(items: Drawn, pictures: Path, seed: int) -> None:
    if not (pictures / COMPLETE).exists():
        draw_pictures(items, pictures, seed)
        write_json(pictures / COMPLETE, {"items": len(items)})


def build_items(rows: list[Row]) -> Items:
    """Return the features of a shop's rows; an item's picture is the name of its file."""
    columns = {name: tuple(row[name] for row in rows) for name in rows[0]}
    return Items(
        ids=columns["item_id"],
        titles=columns["title"],
        brands=columns["brand"],
        categories=tuple((row["department"], row["category"]) for row in rows),
        descriptions=columns["description"],
        prices=np.array(columns["price"], dtype=np.float32),
        images=columns["image"],
        variant_of=tuple(name or None for name in columns["variant_of"]),
    )


def build_pairs(met: Ints) -> Pairs:
    """Return the pairs that met often enough, each once; ``met`` (N, N) counts the baskets of both, above the diagonal alone."""
    src, dst = np.nonzero(met >= LEAST_MET)
    weights = np.ones(len(src), dtype=np.float32)
    return Pairs(src, dst, np.full(len(src), "complement"), np.full(len(src), "co_purchase"), weights, met[src, dst])
