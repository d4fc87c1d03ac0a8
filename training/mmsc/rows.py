"""Rows of ``item_neighbours``."""

import numpy as np
import pyarrow as pa

from goeswith.catalogue import find_table
from training.dataset import Ints
from training.embeddings import Stamp, build_table
from training.mmsc.evidence import Evidence, build_likeness, explain
from training.mmsc.places import NOTHING, Neighbours
from training.mmsc.scorer import MmscScorer
from training.mmsc.stored import SOURCES

BLOCK = 4_096


def neighbour_rows(kind: str, ids: tuple[str, ...], found: Neighbours, scorer: MmscScorer, evidence: Evidence, stamp: Stamp) -> pa.Table:
    """Return one row an item with its list, each place with score, source and reason."""
    query, place = np.nonzero(found.scores > NOTHING)
    dst, scores = found.items[query, place], found.scores[query, place]
    weakest = np.minimum(*(scorer.vectors.sources(kind)[end] for end in (query, dst)))
    sources = np.array(SOURCES)[weakest]
    reasons: list[str] = []
    for at in range(0, len(query), BLOCK):
        part = slice(at, at + BLOCK)
        likeness = build_likeness(scorer, kind, query[part], dst[part])
        reasons += explain(evidence, likeness, kind, ids, query[part], dst[part], sources[part])
    offsets = np.searchsorted(query, np.arange(len(ids) + 1))
    lists = _lists(offsets, {"item_id": [ids[j] for j in dst], "score": scores.astype(np.float32), "source": sources, "reason": reasons})
    fixed = {"type": [kind] * len(ids), "threshold": [scorer.threshold(kind)] * len(ids)}
    return build_table("item_neighbours", {**fixed, "item_id": list(ids), "neighbours": lists, **stamp.columns(len(ids))})


def _lists(offsets: Ints, columns: dict[str, object]) -> pa.ListArray:
    kind = find_table("item_neighbours").schema.field("neighbours").type.value_type
    places = pa.StructArray.from_arrays([pa.array(columns[f.name], f.type) for f in kind], fields=list(kind))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), places)
