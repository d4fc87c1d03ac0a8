"""Rows of a training set with false edges among its pairs: what jobs read like any other version of ``training_sets``."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goeswith.catalogue import find_table
from goeswith.errors import ConfigError
from training.dataset import UNDATED, Pairs, TrainingSet, build_items, build_pairs
from training.evaluation.noise import LIES

GRAPH = "evaluation"
FIELDS = [field for field in find_table("training_sets").schema if field.name not in ("run", "row")]


def lied_rows(rows: pa.Table, lie: str, seed: int) -> pa.Table:
    """Return the rows of a run, all but run and row, with the pairs of its evaluation graph lied about.

    Raises ``ConfigError`` for a lie that has no such name.
    """
    if lie not in LIES:
        raise ConfigError(f"nobody tells the lie {lie!r}", f"lies: {', '.join(LIES)}")
    told = pc.equal(rows["graph"], GRAPH)
    true, kind = rows.filter(told), rows.filter(told)["kind"]
    items, pairs = build_items(true.filter(pc.equal(kind, "item"))), true.filter(pc.equal(kind, "pair"))
    training = TrainingSet(GRAPH, items, build_pairs(pairs, items))
    false = pair_rows(training, LIES[lie](training, np.random.default_rng(seed)), pc.max(pairs["as_of"]))
    left = rows.filter(pc.invert(pc.and_(told, pc.equal(rows["kind"], "pair")))).select([field.name for field in FIELDS])
    return pa.concat_tables([left, false])


def pair_rows(training: TrainingSet, pairs: Pairs, as_of: pa.Scalar) -> pa.Table:
    """Return pairs as rows, all but run and row; what only counting knows of an edge is null.

    How fresh an edge is stands as its recency, the season being in it already.
    """
    ids = pa.array(training.items.ids)
    known = {
        "graph": pa.repeat(GRAPH, len(pairs)),
        "kind": pa.repeat("pair", len(pairs)),
        "as_of": pa.repeat(as_of, len(pairs)),
        "item_id": ids.take(pa.array(pairs.src)),
        "dst": ids.take(pa.array(pairs.dst)),
        "type": pa.array(pairs.types.tolist(), pa.string()),
        "relation": pa.array(pairs.relations.tolist(), pa.string()),
        "weight": pa.array(pairs.weights.astype(np.float64)),
        "n": pa.array(pairs.counts),
        "first_seen": pa.array(pairs.days.astype("datetime64[D]").astype("datetime64[us]"), mask=pairs.days == UNDATED),
        "recency": pa.array(pairs.freshness.astype(np.float64)),
    }
    columns = [known[f.name].cast(f.type) if f.name in known else pa.nulls(len(pairs), f.type) for f in FIELDS]
    return pa.table(columns, schema=pa.schema(FIELDS))
