"""Golden requests and their answers, computed by the trainer's own code: what every published version must reproduce."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from goeswith.errors import ModelInvalid
from goeswith.model_contract import TOLERANCE, GoldenCase, GoldenCases, ModelSpec, to_value
from goeswith.pictures import read_picture
from training.bundles.trees import score_all
from training.dataset import Floats, Ints, variant_groups
from training.export.preprocess import raw_tensors
from training.export.signatures import RAW_FIELDS
from training.export.trained import Trained
from training.mmsc.neighbours import belongs_elsewhere
from training.mmsc.recipe import KINDS

NUM_ITEMS = 4
"""Items that the golden requests ask about: spread over the catalogue, with and without a picture."""
K = 10
SOURCES = (b"content", b"cold_start", b"behaviour")

Named = Mapping[str, npt.NDArray[Any]]


def build_golden(trained: Trained, specs: Sequence[ModelSpec], pictures: Path) -> GoldenCases:
    """Return one request a model and kind of question; ``pictures`` is the picture store."""
    by_name = {spec.name: spec for spec in specs}
    cases = [_case(by_name[model], inputs, outputs) for model, inputs, outputs in _answers(trained, pictures)]
    return GoldenCases(cases=tuple(cases))


def _case(spec: ModelSpec, inputs: Named, outputs: Named) -> GoldenCase:
    types = {tensor.name: tensor.dtype for tensor in (*spec.inputs, *spec.outputs)}
    said = [{name: to_value(types[name], array) for name, array in part.items()} for part in (inputs, outputs)]
    return GoldenCase(model=spec.name, inputs=said[0], outputs=said[1])


def _answers(trained: Trained, pictures: Path) -> Iterator[tuple[str, Named, Named]]:
    raw = raw_items(trained, pictures)
    tensors = raw_tensors(trained.preprocess, raw)
    yield "item_preprocess", raw, tensors
    with torch.no_grad():
        feature, content = (v.numpy() for v in trained.encoder(**{name: torch.from_numpy(array) for name, array in tensors.items()}))
    _check_encoder(trained, feature)
    yield "item_encoder", tensors, {"feature": feature, "content": content}
    yield "bundle", *_bundle_answer(trained)
    for kind in KINDS:
        yield "relations", *_known_answer(trained, kind)
        for row in range(len(feature)):
            one = {name: array[row : row + 1] for name, array in raw.items()}
            yield "new_item", *_new_answer(trained, kind, one, feature[row : row + 1], content[row : row + 1])


def _check_encoder(trained: Trained, feature: Floats) -> None:
    """The whole way from raw bytes must give the vectors that training stored, or bundles would mix two spaces."""
    gap = float(np.abs(feature - trained.feature[chosen_items(trained)]).max())
    if not gap <= TOLERANCE:
        raise ModelInvalid(f"the encoder's features differ from the stored ones by {gap:.3g}, at most {TOLERANCE:g}", "run the job train_cirp again")


def chosen_items(trained: Trained) -> Ints:
    """Return the positions of the items asked about: the first without a picture, where there is one, and a spread."""
    spread = np.unique(np.linspace(0, len(trained.items) - 1, NUM_ITEMS).astype(np.int64))
    without = [i for i, image in enumerate(trained.items.images) if image is None]
    return np.unique(np.append(spread, without[:1])).astype(np.int64)


def raw_items(trained: Trained, pictures: Path) -> dict[str, npt.NDArray[np.object_]]:
    """Return the chosen items as a shop would send them: (B, 1) bytes a field."""
    items, rows = trained.items, []
    for i in chosen_items(trained):
        image = items.images[i]
        texts = (items.titles[i], items.descriptions[i], items.brands[i], " > ".join(items.categories[i]))
        rows.append([*((text or "").encode() for text in texts), read_picture(pictures, image) if image else b""])
    columns = zip(*rows, strict=True)
    return {name: _strings(column) for name, column in zip(RAW_FIELDS, columns, strict=True)}


def _bundle_answer(trained: Trained) -> tuple[Named, Named]:
    given, knowledge = chosen_items(trained)[:2], trained.bundles.knowledge
    scores = score_all(trained.bundles.trees, knowledge.completion().find(given, knowledge.query(given)))
    best = _best(scores, np.isin(np.arange(len(scores)), given))
    names = np.array([[trained.items.ids[i].encode() for i in given]], dtype=np.object_)
    return {"given": names, "k": _int(K)}, {"item_ids": _ids(trained, best), "scores": scores[best][None]}


def _known_answer(trained: Trained, kind: str) -> tuple[Named, Named]:
    at = int(chosen_items(trained)[0])
    groups = variant_groups(trained.items)
    inputs = {"item_id": _strings([trained.items.ids[at].encode()]), "type": _strings([kind.encode()]), "k": _int(K)}
    queries = {each: trained.vectors.ends(each)[0][at] for each in KINDS}
    return inputs, _related(trained, kind, queries, int(trained.vectors.sources(kind)[at]), groups == groups[at])


def _new_answer(trained: Trained, kind: str, raw: Named, feature: Floats, content: Floats) -> tuple[Named, Named]:
    queries, source = trained.relate_new(torch.from_numpy(content), kind)
    nothing = np.zeros(len(trained.items), dtype=np.bool_)
    inputs = {**raw, "type": _strings([kind.encode()]), "k": _int(K)}
    return inputs, {**_related(trained, kind, queries, source, nothing), "feature": feature}


def _related(trained: Trained, kind: str, queries: Mapping[str, Floats], source: int, left_out: npt.NDArray[np.bool_]) -> Named:
    by_kind = {each: trained.vectors.ends(each)[1] @ query for each, query in queries.items()}
    scores, other = by_kind[kind], by_kind[KINDS[1 - KINDS.index(kind)]]
    best = _best(scores, left_out | belongs_elsewhere(scores, other))
    return {"item_ids": _ids(trained, best), "scores": scores[best][None], "source": np.full((1, len(best)), SOURCES[source], dtype=np.object_)}


def _best(scores: Floats, left_out: npt.NDArray[np.bool_]) -> Ints:
    order = np.argsort(-scores, kind="stable")
    return order[~left_out[order]][:K]


def _ids(trained: Trained, at: Ints) -> npt.NDArray[np.object_]:
    return np.array([[trained.items.ids[i].encode() for i in at]], dtype=np.object_)


def _strings(values: Sequence[bytes]) -> npt.NDArray[np.object_]:
    return np.array(list(values), dtype=np.object_).reshape(-1, 1)


def _int(value: int) -> npt.NDArray[np.int32]:
    return np.array([[value]], dtype=np.int32)
