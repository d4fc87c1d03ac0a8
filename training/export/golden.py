"""Golden requests and their answers, computed by the trainer's own code: what every published version must reproduce."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from goeswith.errors import ModelInvalid
from goeswith.model_contract import INT8_TOLERANCE, TOLERANCE, GoldenCase, GoldenCases, ModelSpec, Precision, to_value
from model_repository.graph import open_graph
from model_repository.item_encoder import OUTPUTS
from training.bundles.trees import score_all
from training.dataset import Floats, Ints, variant_groups
from training.export.preprocess import raw_items, raw_tensors
from training.export.trained import Trained
from training.mmsc.neighbours import belongs_elsewhere, standing_of
from training.mmsc.recipe import KINDS

NUM_ITEMS = 4
"""Items that the golden requests ask about: spread over the catalogue, with and without a picture."""
K = 10
SOURCES = (b"content", b"cold_start", b"behaviour")

ENCODED = ("item_encoder", "new_item")
"""The models whose answers come from the item encoder."""

Named = Mapping[str, npt.NDArray[Any]]
Encode = Callable[[Named], tuple[Floats, Floats]]


def build_golden(trained: Trained, specs: Sequence[ModelSpec], pictures: Path, encode: Encode, precision: Precision) -> GoldenCases:
    """Return one request a model and kind of question, about items that ``encode`` gives feature and content of.

    ``pictures`` is the picture store; ``precision`` is the served encoder's, and says how near to these answers a server must come.
    """
    by_name = {spec.name: spec for spec in specs}
    near = dict.fromkeys(ENCODED, INT8_TOLERANCE) if precision == "int8" else {}
    cases = [_case(by_name[model], inputs, outputs, near.get(model, TOLERANCE)) for model, inputs, outputs in _answers(trained, pictures, encode)]
    return GoldenCases(cases=tuple(cases))


def _case(spec: ModelSpec, inputs: Named, outputs: Named, tolerance: float) -> GoldenCase:
    types = {tensor.name: tensor.dtype for tensor in (*spec.inputs, *spec.outputs)}
    said = [{name: to_value(types[name], array) for name, array in part.items()} for part in (inputs, outputs)]
    return GoldenCase(model=spec.name, inputs=said[0], outputs=said[1], tolerance=tolerance)


def by_module(trained: Trained) -> Encode:
    """Return the encoder as the trainer runs it."""

    def encode(tensors: Named) -> tuple[Floats, Floats]:
        with torch.no_grad():
            feature, content = trained.encoder(**{name: torch.from_numpy(array) for name, array in tensors.items()})
        return feature.numpy(), content.numpy()

    return encode


def by_graph(path: Path) -> Encode:
    """Return the encoder as a graph: int8 is a function of its own, which no module computes."""
    session = open_graph(path)

    def encode(tensors: Named) -> tuple[Floats, Floats]:
        feature, content = session.run(list(OUTPUTS), dict(tensors))
        return feature, content

    return encode


def _answers(trained: Trained, pictures: Path, encode: Encode) -> Iterator[tuple[str, Named, Named]]:
    raw = raw_items(trained.items, chosen_items(trained), pictures)
    tensors = raw_tensors(trained.preprocess, raw)
    yield "item_preprocess", raw, tensors
    feature, content = encode(tensors)
    yield "item_encoder", tensors, {"feature": feature, "content": content}
    yield "bundle", *_bundle_answer(trained)
    for kind in KINDS:
        yield "relations", *_known_answer(trained, kind)
        yield "relations", *_scored_answer(trained, kind)
        for row in range(len(feature)):
            one = {name: array[row : row + 1] for name, array in raw.items()}
            yield "new_item", *_new_answer(trained, kind, one, feature[row : row + 1], content[row : row + 1])


def check_features(trained: Trained, pictures: Path) -> None:
    """The whole way from raw bytes must give the vectors that training stored, or bundles would mix two spaces. Raises ``ModelInvalid``."""
    at = chosen_items(trained)
    feature, _ = by_module(trained)(raw_tensors(trained.preprocess, raw_items(trained.items, at, pictures)))
    gap = float(np.abs(feature - trained.feature[at]).max())
    if not gap <= TOLERANCE:
        raise ModelInvalid(f"the encoder's features differ from the stored ones by {gap:.3g}, at most {TOLERANCE:g}", "run the job train_cirp again")


def chosen_items(trained: Trained) -> Ints:
    """Return the positions of the items asked about: the first without a picture, where there is one, and a spread."""
    spread = np.unique(np.linspace(0, len(trained.items) - 1, NUM_ITEMS).astype(np.int64))
    without = [i for i, image in enumerate(trained.items.images) if image is None]
    return np.unique(np.append(spread, without[:1])).astype(np.int64)


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


def _scored_answer(trained: Trained, kind: str) -> tuple[Named, Named]:
    """Candidates that are named are scored, whatever else they are: the item itself among them."""
    at, named = int(chosen_items(trained)[0]), chosen_items(trained)
    queries, targets = trained.vectors.ends(kind)
    scores = targets @ queries[at]
    best = named[np.argsort(-scores[named], kind="stable")][:K]
    query = {"item_id": _strings([trained.items.ids[at].encode()]), "type": _strings([kind.encode()]), "k": _int(K)}
    found = {"item_ids": _ids(trained, best), "scores": scores[best][None], "standing": standing_of(scores)[best][None]}
    return {**query, "candidates": _ids(trained, named)}, found


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
