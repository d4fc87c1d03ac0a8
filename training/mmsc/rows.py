"""Rows of ``item_neighbours``."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Asked:
    """The items ``at`` (Q,) of a catalogue of N ``ids``: those that rows are made of."""

    ids: tuple[str, ...]
    at: Ints


def neighbour_rows(kind: str, asked: Asked, found: Neighbours, scorer: MmscScorer, evidence: Evidence, stamp: Stamp) -> pa.Table:
    """Return one row an item that was asked for, with its list ``found`` (Q, K); each place has score, source and reason."""
    ids = asked.ids
    row, place = np.nonzero(found.scores > NOTHING)
    query, dst, scores = asked.at[row], found.items[row, place], found.scores[row, place]
    weakest = np.minimum(*(scorer.vectors.sources(kind)[end] for end in (query, dst)))
    sources = np.array(SOURCES)[weakest]
    reasons: list[str] = []
    for at in range(0, len(query), BLOCK):
        part = slice(at, at + BLOCK)
        likeness = build_likeness(scorer, kind, query[part], dst[part])
        reasons += explain(evidence, likeness, kind, ids, query[part], dst[part], sources[part])
    offsets = np.searchsorted(row, np.arange(len(asked.at) + 1))
    lists = _lists(offsets, {"item_id": [ids[j] for j in dst], "score": scores.astype(np.float32), "source": sources, "reason": reasons})
    fixed = {"type": [kind] * len(asked.at), "threshold": [scorer.threshold(kind)] * len(asked.at)}
    return build_table("item_neighbours", {**fixed, "item_id": [ids[i] for i in asked.at], "neighbours": lists, **stamp.columns(len(asked.at))})


def _lists(offsets: Ints, columns: dict[str, object]) -> pa.ListArray:
    kind = find_table("item_neighbours").schema.field("neighbours").type.value_type
    places = pa.StructArray.from_arrays([pa.array(columns[f.name], f.type) for f in kind], fields=list(kind))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), places)
