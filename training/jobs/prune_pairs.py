"""Job ``prune_pairs``: score counted purchase pairs and mark what the rule drops (CIRP, relation pruning).

Views are not pruned, nor are declared edges: a source that declares them has chosen already.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.catalogue.graph import GRAPHS
from goeswith.catalogue.schema import Writer
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from training.dataset import Bools, Floats, Ints
from training.pruning.lightgcn import PruningTask, score_pairs
from training.pruning.pair_scores import degree_scores, random_scores, spectral_scores
from training.pruning.rules import keep_by_degree, keep_global
from training.trainer.checkpoint import remove_checkpoints
from training.trainer.loop import TrainerConfig, fit

MAX_EPOCHS = 40
KEYS = ["graph", "relation", "src", "dst"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``rate`` is the share of pairs to drop per relation; ADR 19 chose it and the scorer.

    ``pair_updates`` is LightGCN's budget: epochs = updates / pairs, ``MAX_EPOCHS`` at most.
    """

    scorer: Literal["lightgcn", "spectral", "degree", "random"] = "spectral"
    rule: Literal["global", "degree", "none"] = "degree"
    rate: Annotated[float, Field(ge=0, le=1)] = 0.3
    relations: tuple[str, ...] = ("co_purchase", "then_bought")
    dim: Annotated[int, Field(ge=1)] = 64
    layers: Annotated[int, Field(ge=1)] = 3
    pair_updates: Annotated[int, Field(ge=1)] = 1_000_000
    negatives: Annotated[int, Field(ge=1)] = 1
    """Non-neighbours that LightGCN compares each edge with."""
    negatives_by: Literal["uniform", "degree"] = "uniform"
    batch: Annotated[int, Field(ge=1)] = 8192
    lr: Annotated[float, Field(gt=0)] = 0.01
    seed: int = 42


def run(job: JobRun) -> JobResult:
    """Write ``pair_scores`` of both graphs; a graph without such pairs gets none."""
    config = parse_config(Config, job.params, where="job prune_pairs")
    version = job.version_of("item_pairs")
    written = {}
    summary: dict[str, Any] = {"scorer": config.scorer, "rule": config.rule, "rate": config.rate}
    for graph in GRAPHS:
        pairs = read_pairs(job, graph, config.relations)
        rows = score(job, graph, pairs, config)
        written["pair_scores"] = write(job, graph, rows, version)
        kept = int(pc.sum(rows["kept"]).as_py() or 0)
        summary[graph] = {"pairs": rows.num_rows, "kept": kept} if rows.num_rows else {"pairs": 0, "note": "no purchase pairs to prune"}
    return JobResult(versions=written, summary=summary)


def read_pairs(job: JobRun, graph: str, relations: Sequence[str]) -> pa.Table:
    """Return the pairs of the named relations, sorted by key, so that equal input gives equal scores."""
    parts = [
        lake.read_table(job.profile, "item_pairs", version=job.version_of("item_pairs"), columns=KEYS, where={"graph": graph, "relation": relation})
        for relation in relations
    ]
    return pa.concat_tables(parts).sort_by([(key, "ascending") for key in KEYS])


def score(job: JobRun, graph: str, pairs: pa.Table, config: Config) -> pa.Table:
    """Return ``pair_scores`` rows of one graph."""
    src, dst, num_nodes = positions(pairs)
    scores = score_all(job, graph, src, dst, num_nodes, config) if num_nodes else np.empty(0, np.float32)
    keep = keep_pairs(np.asarray(pairs["relation"]), src, dst, scores, config)
    constant = {"run": job.run_id, "scorer": config.scorer, "rule": config.rule, "rate": config.rate if config.rule != "none" else 0.0}
    for name, value in constant.items():
        pairs = pairs.append_column(name, pa.array([value] * pairs.num_rows, pa.string() if isinstance(value, str) else pa.float32()))
    return pairs.append_column("score", pa.array(scores, pa.float32())).append_column("kept", pa.array(keep, pa.bool_()))


def positions(pairs: pa.Table) -> tuple[Ints, Ints, int]:
    """Return (P,) and (P,) node numbers of the ends, and how many nodes there are."""
    ends = pa.chunked_array([*pairs["src"].chunks, *pairs["dst"].chunks], pa.string()).combine_chunks().dictionary_encode()
    if isinstance(ends, pa.ChunkedArray):
        ends = ends.combine_chunks()
    numbers = ends.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers[: pairs.num_rows], numbers[pairs.num_rows :], len(ends.dictionary)


def score_all(job: JobRun, graph: str, src: Ints, dst: Ints, num_nodes: int, config: Config) -> Floats:
    """Return a score a pair (P,), by the scorer that the job was asked for."""
    match config.scorer:
        case "lightgcn":
            return fit_and_score(job, graph, src, dst, num_nodes, config)
        case "spectral":
            return spectral_scores(src, dst, num_nodes, dim=config.dim, seed=config.seed)
        case "degree":
            return degree_scores(src, dst, num_nodes)
        case "random":
            return random_scores(len(src), seed=config.seed)


def fit_and_score(job: JobRun, graph: str, src: Ints, dst: Ints, num_nodes: int, config: Config) -> Floats:
    """Fit LightGCN over all relations together and return a score a pair."""
    torch.manual_seed(config.seed)
    by_degree = config.negatives_by == "degree"
    task = PruningTask(src, dst, num_nodes, dim=config.dim, layers=config.layers, batch=config.batch, negatives=config.negatives, by_degree=by_degree)
    epochs = max(1, min(MAX_EPOCHS, config.pair_updates // task.edges.shape[1]))
    trainer = TrainerConfig(epochs=epochs, lr=config.lr, weight_decay=1e-6, seed=config.seed, clip_norm=10.0)
    shaped = {"dim": config.dim, "layers": config.layers, "negatives": config.negatives, "by_degree": by_degree}
    recipe = {"item_pairs": job.version_of("item_pairs"), "relations": config.relations, **shaped}
    fit(task, trainer, _folder(job, graph), recipe=recipe, what=f"pruning {graph}")
    return score_pairs(task.model, src, dst)


def keep_pairs(relations: np.ndarray[Any, Any], src: Ints, dst: Ints, scores: Floats, config: Config) -> Bools:
    """Apply the rule within each relation."""
    keep = np.ones(len(src), dtype=np.bool_)
    for relation in np.unique(relations) if config.rule != "none" else ():
        of = np.flatnonzero(relations == relation)
        if config.rule == "global":
            keep[of] = keep_global(scores[of], config.rate)
        else:
            keep[of] = keep_by_degree(src[of], dst[of], scores[of], config.rate, config.seed)
    return keep


def write(job: JobRun, graph: str, rows: pa.Table, version: int) -> int:
    """Commit the rows of one graph, unless they stand there already; the checkpoints are no longer needed then."""
    columns = [*KEYS, "run", "scorer", "score", "kept", "rule", "rate"]
    lake.create_table(job.profile, "pair_scores")
    standing = lake.read_table(job.profile, "pair_scores", columns=columns, where={"graph": graph}).sort_by([(key, "ascending") for key in KEYS])
    if not standing.equals(rows.select(columns).cast(standing.schema)):
        consumed = {"item_pairs": version}
        lake.write_table(job.profile, "pair_scores", rows, writer=Writer.TRAINING, replace={"graph": graph}, consumed=consumed)
    remove_checkpoints(_folder(job, graph))
    return lake.open_table(job.profile, "pair_scores").version()


def _folder(job: JobRun, graph: str) -> Path:
    return job.profile.models / job.run_id / graph / "lightgcn"
