"""A training set with false edges among its pairs, as a version of ``training_sets`` that jobs read like any other."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from training.dataset import Pairs, TrainingSet, read_training_set
from training.evaluation.noise import LIES

TABLE = find_table("training_sets")
GRAPH = "evaluation"


def write_lie(profile: Profile, *, version: int, run: str, lie: str, seed: int) -> int:
    """Commit the rows of a run with the pairs of its evaluation graph lied about, and return the new version; ``version`` stays as it is.

    Raises ``ConfigError`` for a lie that has no such name.
    """
    if lie not in LIES:
        raise ConfigError(f"nobody tells the lie {lie!r}", f"lies: {', '.join(LIES)}")
    training = read_training_set(profile, version=version, run=run, graph=GRAPH)
    rows = lake.read_table(profile, TABLE.name, version=version, where={"run": run})
    replaced = pc.and_(pc.equal(rows["graph"], GRAPH), pc.equal(rows["kind"], "pair"))
    as_of = pc.max(rows.filter(replaced)["as_of"])
    false = pair_rows(training, LIES[lie](training, np.random.default_rng(seed)), as_of)
    told = pa.concat_tables([rows.filter(pc.invert(replaced)).drop_columns(["run", "row"]), false])
    numbered = told.append_column("run", pa.repeat(run, len(told))).append_column("row", pa.array(range(len(told)), pa.int64()))
    return lake.write_table(
        profile, TABLE.name, numbered.select(TABLE.columns).cast(TABLE.schema), writer=Writer.FEATURES, replace={"run": run}, consumed={}
    )


def pair_rows(training: TrainingSet, pairs: Pairs, as_of: pa.Scalar) -> pa.Table:
    """Return pairs as rows of ``training_sets``, all but run and row; what only counting knows of an edge is null."""
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
    }
    fields = [field for field in TABLE.schema if field.name not in ("run", "row")]
    columns = [known[f.name].cast(f.type) if f.name in known else pa.nulls(len(pairs), f.type) for f in fields]
    return pa.table(columns, schema=pa.schema(fields))
