"""An export of the model ``relations`` alone, over random vectors, as ``export_models`` would have written it."""

import shutil

import numpy as np
import torch

from benchmarks.serve.made import RUN, WIDTH, Catalogue, heaped_vectors, rows_of
from goeswith.model_contract import GOLDEN, MANIFEST, EncoderReport, ExportManifest, GoldenCases, hash_files
from goeswith.profile import Profile
from goeswith.results import write_json
from training.dataset import Floats, Items
from training.export.files import Related, write_relations
from training.export.signatures import Sizes, model_specs
from training.mmsc.model import Mmsc
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.stored import StoredVectors

MODEL = "relations"
FEATURE, TOKENS, IMAGE_PX = 384, 64, 64
"""Widths of ``cirp_small``, which nothing reads here."""


def write_export(profile: Profile, catalogue: Catalogue, run: str = RUN, seed: int = 0) -> Floats:
    """Write the export of a run in place of an older one, and return the vectors (N, WIDTH) that substitutes are searched among."""
    folder, recipe = profile.models / run / "export", MmscRecipe(width=WIDTH // 2)
    shutil.rmtree(folder, ignore_errors=True)
    vectors, items = made_vectors(len(catalogue.ids), recipe, seed), made_items(catalogue)
    mmsc = Mmsc(recipe, {"text": FEATURE, "image": FEATURE}, torch.zeros(1, recipe.item_width)).eval()
    write_relations(Related(items, vectors, mmsc, recipe), folder / MODEL)
    write_json(folder / GOLDEN, GoldenCases(cases=()).model_dump(mode="json"))
    sizes = Sizes(tokens=TOKENS, image_px=IMAGE_PX, feature=FEATURE, content=vectors.tensors["content"].shape[1])
    manifest = ExportManifest(
        run=run,
        release=RUN,
        made_from=f"random vectors {seed}",
        recipes={},
        seed=seed,
        metrics=(),
        feature_names=(),
        models=tuple(spec for spec in model_specs(sizes) if spec.name == MODEL),
        encoder=EncoderReport(precision="float32", sampled=0, graphs={}, agreement={}),
        files=hash_files(folder),
    )
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return np.asarray(vectors.tensors["substitute"])


def made_items(catalogue: Catalogue) -> Items:
    """Return the items as the model knows them."""
    rows = list(rows_of(catalogue))
    return Items(
        ids=catalogue.ids,
        titles=tuple(row["title"] for row in rows),
        brands=tuple(row["brand"] for row in rows),
        categories=tuple(tuple(row["category"]) for row in rows),
        descriptions=(None,) * len(rows),
        prices=np.array([row["price"] for row in rows], dtype=np.float32),
        images=(None,) * len(rows),
        variant_of=(None,) * len(rows),
    )


def made_vectors(items: int, recipe: MmscRecipe, seed: int) -> StoredVectors:
    """Return unit vectors of ``items``; every one has behaviour of its own."""
    wide = {"substitute": 2 * recipe.width, "complement_source": 2 * recipe.width, "complement_target": 2 * recipe.width}
    widths = {**wide, "content": recipe.width, **{f"behaviour_{kind}": recipe.width for kind in KINDS}}
    vectors = {name: heaped_vectors(items, width, seed + at) for at, (name, width) in enumerate(widths.items())}
    flags = {f"{name}_{kind}": np.full(items, value, dtype=np.uint8) for kind in KINDS for name, value in (("warm", 1), ("lent", 0))}
    return StoredVectors({**vectors, **flags})
