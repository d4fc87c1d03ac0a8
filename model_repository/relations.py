"""Substitutes and complements of an item that is known by its id, or of a new one by its content vector.

A new item borrows the behaviour of the nearest warm items (MMSC, Eq. 12), then passes the same gates as every item of the
catalogue; where none is near enough, its content stands alone and the answer says so. Category, brand, the item itself, its
variants and what stands in the other relation to it are filtered inside the search, so k answers remain k. Candidates that the
request names itself are all scored, and none is left out: how far each stands out in either relation is the caller's to compare.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import open_graph
from .ranking import check_k, pad, top
from .search import Search, load_index

INPUTS = ("item_id", "content", "type", "k", "category_filter", "brand_filter", "candidates")
KINDS = ("substitute", "complement")
SOURCES = np.array([b"content", b"cold_start", b"behaviour"], dtype=np.object_)
QUERIES = {"substitute": "substitute", "complement": "complement_source"}
TARGETS = {"substitute": "substitute", "complement": "complement_target"}
"""The vectors that a relation asks with, and those that its answers are searched among."""
CONTENT, COLD_START, BEHAVIOUR = range(3)

NOBODY = np.arange(0)

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Question:
    """One row of a request: an item's id, or '' and a content vector (c,); ``candidates`` are ids, '' where a row is shorter."""

    item_id: bytes
    content: Floats | None
    kind: bytes
    k: int
    category: bytes = b""
    brand: bytes = b""
    candidates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Positions (M,), best first, their scores and how far these stand out; what the query rests on, and whom a new item borrows from."""

    at: Ints
    scores: Floats
    standing: Floats
    source: int
    lenders: Ints


class Model:
    """The vectors of all N items and the head that makes those of a new one."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue(json.loads((folder / "items.json").read_text(encoding="utf-8")))
        vectors = {name: _load(folder, name) for name in {*QUERIES.values(), *TARGETS.values()}}
        self.queries = {kind: vectors[name] for kind, name in QUERIES.items()}
        self.searches = {kind: Search(vectors[name], load_index(folder, name)) for kind, name in TARGETS.items()}
        self.sources = {kind: _load(folder, f"source_{kind}") for kind in KINDS}
        self.cold_start = ColdStart(folder, {kind: self.sources[kind] == BEHAVIOUR for kind in KINDS})

    def answer(self, inputs: Arrays) -> Arrays:
        """Return item_ids, scores, standing and source, (B, found): rows that found fewer end in '' and 0.

        ``similar`` (B, any) are the warm items that a new one borrows from, nearest first; '' where nothing is borrowed.
        """
        rows = [self.relate(question) for question in _questions(inputs)]
        return {
            "item_ids": pad([self.catalogue.ids[row.at] for row in rows], b"", np.object_),
            "scores": pad([row.scores for row in rows], 0.0, np.float32),
            "standing": pad([row.standing for row in rows], 0.0, np.float32),
            "source": pad([np.full(len(row.at), SOURCES[row.source], dtype=np.object_) for row in rows], b"", np.object_),
            "similar": pad([self.catalogue.ids[row.lenders] for row in rows], b"", np.object_, width=1),
        }

    def relate(self, question: Question) -> Found:
        """Return the answer to one question. Raises ``ValueError`` for one that cannot be answered."""
        name, wanted = check_kind(question.kind), check_k(int(question.k))
        queries, source, at = self.query(question.item_id, question.content, name)
        if any(question.candidates):
            best, scores = self._score(queries[name], name, question)
        else:
            within = self.catalogue.within(question.category, question.brand)
            best, scores = self._rank(queries, name, self.catalogue.family(at), within, wanted)
        lenders = self.cold_start.lenders(question.content, name) if at is None and question.content is not None else NOBODY
        return Found(best, scores, self.searches[name].standing(queries[name], scores), source, lenders)

    def _score(self, query: Floats, name: str, question: Question) -> tuple[Ints, Floats]:
        """Return the best k of the candidates that the catalogue holds."""
        if question.category or question.brand:
            raise ValueError("candidates: none with a category or brand filter, for each that is named is scored")
        known = self.catalogue.positions(question.candidates)
        scores = self.searches[name].scores(query, known)
        best = top(scores, question.k)
        return known[best], scores[best]

    def _rank(self, queries: dict[str, Floats], name: str, family: Ints, within: Ints | None, k: int) -> tuple[Ints, Floats]:
        """Return the best k positions and scores; more are looked at until k are left, for some are family or belong elsewhere."""
        other, count = KINDS[1 - KINDS.index(name)], 2 * k + len(family)
        while True:
            found, scores = self.searches[name].best(queries[name], within, count)
            own = self.searches[name].standing(queries[name], scores)
            elsewhere = self.searches[other].standing(queries[other], self.searches[other].scores(queries[other], found))
            left = ~(belongs_elsewhere(own, elsewhere) | np.isin(found, family))
            if left.sum() >= k or len(found) < count:
                return found[left][:k], scores[left][:k]
            count *= 4

    def query(self, item_id: bytes, content: Floats | None, kind: str) -> tuple[dict[str, Floats], int, int | None]:
        """Return the query's vector by relation, its source in ``kind``, and its position where the catalogue holds it."""
        if item_id:
            at = self.catalogue.position(item_id)
            return {each: self.queries[each][at] for each in KINDS}, int(self.sources[kind][at]), at
        if content is None or not np.isfinite(content).all():
            raise ValueError("content: a finite vector is needed where item_id is ''")
        vectors, source = self.cold_start.vectors(content, kind)
        return vectors, source, None


def _questions(inputs: Arrays) -> list[Question]:
    kinds, k = inputs["type"].ravel(), inputs["k"].ravel()
    ids, categories, brands = (inputs[name].ravel() if name in inputs else [b""] * len(k) for name in ("item_id", "category_filter", "brand_filter"))
    contents = inputs["content"] if "content" in inputs else [None] * len(k)
    candidates = map(tuple, inputs["candidates"]) if "candidates" in inputs else [()] * len(k)
    return [Question(*row) for row in zip(ids, contents, kinds, k, categories, brands, candidates, strict=True)]


def belongs_elsewhere(own: Floats, elsewhere: Floats) -> Bools:
    """Return (M,) which candidates stand out in the other relation at least as far as in this one: a substitute is no complement.

    Both are cosines of differently trained spaces, so each is counted in standard deviations from what the query scores with the whole
    catalogue (``Search.standing``); below the mean nothing stands out. Mirrored by ``training.mmsc.neighbours``.
    """
    return np.asarray((elsewhere > 0) & (elsewhere >= own))


class Catalogue:
    """Ids, variants, categories and brands, by position."""

    def __init__(self, items: dict[str, Any]) -> None:
        self.ids = np.array([item.encode() for item in items["ids"]], dtype=np.object_)
        self.index = {item: i for i, item in enumerate(self.ids)}
        self.variants = np.array(items["variants"], dtype=np.int64)
        self.by_variant = np.argsort(self.variants, kind="stable")
        self.sorted_variants = self.variants[self.by_variant]
        self.categories = _places([_prefixes(path) for path in items["categories"]])
        self.brands = _places([[brand] if brand else [] for brand in items["brands"]])

    def position(self, item_id: bytes) -> int:
        """Return where an item stands. Raises ``ValueError`` that names an unknown one."""
        if item_id not in self.index:
            raise ValueError(f"item_id: unknown item {item_id.decode(errors='replace')!r}")
        return self.index[item_id]

    def positions(self, item_ids: tuple[bytes, ...]) -> Ints:
        """Return where items stand, each once; unknown ones are left out."""
        return np.array([self.index[item] for item in dict.fromkeys(item_ids) if item in self.index], dtype=np.int64)

    def family(self, at: int | None) -> Ints:
        """Return the positions of an item and its variants, which answer nothing about each other; none of a new item."""
        if at is None:
            return NOBODY
        start, end = np.searchsorted(self.sorted_variants, [self.variants[at], self.variants[at] + 1])
        return np.asarray(self.by_variant[start:end])

    def within(self, category: bytes, brand: bytes) -> Ints | None:
        """Return the positions of the items within both filters, in order; None where nothing is filtered."""
        asked = [places.get(wanted, NOBODY) for wanted, places in ((category, self.categories), (brand, self.brands)) if wanted]
        if not asked:
            return None
        return asked[0] if len(asked) == 1 else np.intersect1d(asked[0], asked[1], assume_unique=True)


class ColdStart:
    """Vectors of an item without edges (MMSC, Eq. 12)."""

    def __init__(self, folder: Path, warm: dict[str, Bools]) -> None:
        settings = json.loads((folder / "cold_start.json").read_text(encoding="utf-8"))
        self.neighbours: int = settings["neighbours"]
        self.closeness: float = settings["closeness"]
        self.as_near: float = settings["as_near"]
        content = _load(folder, "content")
        self.warm = {kind: np.flatnonzero(warm[kind]) for kind in KINDS}
        self.content = {kind: content[warm[kind]] for kind in KINDS}
        self.behaviour = {kind: _load(folder, f"behaviour_{kind}")[warm[kind]] for kind in KINDS}
        self.gates = open_graph(folder / "gates.onnx")

    def vectors(self, content: Floats, kind: str) -> tuple[dict[str, Floats], int]:
        """Return the query vectors (d,) of a content vector (c,) by relation, and whether that of ``kind`` rests on borrowed behaviour."""
        inputs: Arrays = {"content": content[None].astype(np.float32)}
        known = {}
        for name in KINDS:
            inputs[f"behaviour_{name}"], known[name] = self.borrow(content, name)
            inputs[f"known_{name}"] = np.array([known[name]], dtype=np.uint8)
        found = self.gates.run(["substitute", "complement_source"], inputs)
        return {name: rows[0] for name, rows in zip(KINDS, found, strict=True)}, COLD_START if known[kind] else CONTENT

    def borrow(self, content: Floats, kind: str) -> tuple[Floats, bool]:
        """Return the mean behaviour (1, b) of the nearest warm items and of all as near, and whether there is one near enough."""
        cosines = self._cosines(content, kind)
        nearest = top(cosines, self.neighbours)
        if not len(nearest):
            return np.zeros((1, self.behaviour[kind].shape[1]), dtype=np.float32), False
        return self.behaviour[kind][cosines >= cosines[nearest[-1]] - self.as_near].mean(axis=0, keepdims=True), True

    def lenders(self, content: Floats, kind: str) -> Ints:
        """Return the positions of the nearest items that ``borrow`` takes the mean of, nearest first."""
        return np.asarray(self.warm[kind][top(self._cosines(content, kind), self.neighbours)])

    def _cosines(self, content: Floats, kind: str) -> Floats:
        """Return the cosine of each warm item, -inf of one that is not near enough to lend."""
        cosines = self.content[kind] @ content
        return np.asarray(np.where(cosines >= self.closeness, cosines, -np.inf), dtype=np.float32)


def check_kind(kind: bytes) -> str:
    """Return the type of relation asked for. Raises ``ValueError`` that lists the legal ones."""
    name = kind.decode(errors="replace")
    if name not in KINDS:
        raise ValueError(f"type: {name!r}, one of {', '.join(KINDS)}")
    return name


def _load(folder: Path, name: str) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return array


def _prefixes(path: list[str]) -> list[str]:
    """Return each name of a category path, and each prefix of it: a filter may give either."""
    return list(dict.fromkeys([*path, *(" > ".join(path[:end]) for end in range(2, len(path) + 1))]))


def _places(names: list[list[str]]) -> dict[bytes, Ints]:
    """Return the positions of the items that have each name, in order."""
    places: dict[bytes, list[int]] = {}
    for at, wanted in enumerate(names):
        for name in wanted:
            places.setdefault(name.encode(), []).append(at)
    return {name: np.array(found, dtype=np.int64) for name, found in places.items()}
