"""A test split that the authors of a data set published: each of its pairs scored, and measured as their code measures.

GATNE (Cen, Zou, Zhang, Yang, Zhou, Tang, KDD 2019, arXiv 1905.01669; code THUDM/GATNE, ``evaluate`` in src/utils.py and the means in
src/main_pytorch.py): of each edge type ROC-AUC, the area under the precision-recall curve (trapezoids), and F1 where as many pairs are
called true as are true; then the mean over the types. Pairs with an item that training does not know are left out, as there, and counted.

As there, all of train.txt is trained on, which is the graph 'full': our own holdout of edges takes nothing out of it, and the models are
trained anew on it. Nothing is chosen on the published validation or test pairs. In GATNE's split a fifth of the true pairs stand in train.txt
the other way round, and some in the other relation; of the false pairs none and eleven do. That is the protocol and is measured as it is; the
slice ``new`` leaves those true pairs out.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sklearn.metrics import auc, f1_score, precision_recall_curve, roc_auc_score

from goeswith.catalogue.graph import TYPE_OF
from goeswith.errors import SourceUnreadable
from goeswith.results import Figure
from training.dataset import Bools, Floats, Ints, TrainingSet
from training.evaluation.contenders import Contenders
from training.evaluation.graph import KINDS
from training.evaluation.intervals import LEVEL, Resampling
from training.evaluation.metrics import Values
from training.evaluation.published_page import BOTH, MEASURES, NEW, cited_figures
from training.evaluation.relation_protocol import score_pairs
from training.evaluation.run import Plan
from training.evaluation.tables import PUBLISHED
from training.scorers import RelationScorer

DRAWS = 100
"""At most so many bootstrap draws: each sorts all pairs anew."""
COLUMNS = ("type", "src", "dst", "label")
LABELS = ("0", "1")


@dataclass(frozen=True, slots=True)
class Published:
    """P pairs between known items; ``left_out`` more name an item that training does not know."""

    kinds: npt.NDArray[np.str_]
    """(P,) 'substitute' or 'complement'."""
    src: Ints
    dst: Ints
    labels: Bools
    """(P,) whether the pair is an edge."""
    joined: Bools
    """(P,) whether training joins the two items, in either direction and either relation."""
    left_out: int

    def __len__(self) -> int:
        """Return P."""
        return len(self.src)


def read_published(path: Path, training: TrainingSet) -> Published:
    """Read lines of 'type item item label'. Raises ``SourceUnreadable`` for a missing file, a malformed line, an unknown type or label."""
    rows = _read_rows(path)
    at, size = training.index, len(training.items)
    src, dst = (np.array([at.get(item, -1) for item in rows[end].to_pylist()], dtype=np.int64) for end in ("src", "dst"))
    known = (src >= 0) & (dst >= 0)
    kinds = np.array([TYPE_OF[f"type_{name}"] for name in rows["type"].to_pylist()], dtype=np.str_)
    labels = np.asarray(pc.equal(rows["label"], LABELS[1]))
    edges = np.concatenate([training.pairs.src * size + training.pairs.dst, training.pairs.dst * size + training.pairs.src])
    joined = np.isin(src * size + dst, edges)
    return Published(kinds[known], src[known], dst[known], labels[known], joined[known], int((~known).sum()))


def _read_rows(path: Path) -> pa.Table:
    if not path.is_file():
        raise SourceUnreadable(f"there is no file {path}", "name the test file that the data's authors published")
    texts = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    try:
        rows = csv.read_csv(path, csv.ReadOptions(column_names=COLUMNS), csv.ParseOptions(delimiter=" ", quote_char=False), texts)
    except pa.ArrowInvalid as error:
        raise SourceUnreadable(f"{path} cannot be read: {error}", "each line is 'type item item label'") from error
    _refuse_others(path, rows, "type", [name.removeprefix("type_") for name in TYPE_OF if name.startswith("type_")])
    _refuse_others(path, rows, "label", LABELS)
    return rows


def _refuse_others(path: Path, rows: pa.Table, column: str, legal: Sequence[str]) -> None:
    found = set(rows[column].unique().to_pylist()) - set(legal)
    if found:
        raise SourceUnreadable(f"{path} holds the {column} {min(found)!r}", f"legal: {', '.join(sorted(legal))}")


def link_measures(labels: Bools, scores: Floats) -> Values:
    """Return ROC-AUC, PR-AUC and F1 of P pairs, (3,); NaN where all labels are alike.

    Ties at F1's threshold are called true, as by GATNE's code: who scores most pairs alike has F1 .667 and, by the trapezoid, PR-AUC .75.
    """
    true = int(labels.sum())
    if true in (0, len(labels)):
        return np.full(len(MEASURES), np.nan)
    precision, recall, _ = precision_recall_curve(labels, scores)
    called = scores >= np.sort(scores)[-true]
    return np.array([roc_auc_score(labels, scores), auc(recall, precision), f1_score(labels, called)])


def slice_measures(pairs: Published, scores: Floats, at: Ints) -> Values:
    """Return the measures (slices, 3) of the pairs at the positions ``at``: of both types on average, of each, and of new pairs on average."""
    new = at[~(pairs.joined & pairs.labels)[at]]
    each, each_new = (
        [link_measures(pairs.labels[chosen], scores[chosen]) for chosen in (part[pairs.kinds[part] == kind] for kind in KINDS)] for part in (at, new)
    )
    return np.stack([np.mean(each, axis=0), *each, np.mean(each_new, axis=0)])


def evaluate_published(full: TrainingSet, data: str, path: Path, contenders: Contenders, plan: Plan) -> list[Figure]:
    """Return the figures of every contender, trained on all edges, and those that others state; none where baselines are off."""
    if not contenders.baselines:
        return []
    pairs = read_published(path, full)
    say_left_out(pairs, contenders)
    if not len(pairs):
        return []
    resampling = Resampling.of(pairs.src, draws=min(DRAWS, plan.bootstrap), seed=plan.seed)
    figures = cited_figures(data)
    for model, (scores, seconds) in score_published(pairs, contenders.for_both(full)).items():
        figures += _figures(data, model, pairs, scores, resampling, seconds, plan.seed)
    return figures


def say_left_out(pairs: Published, contenders: Contenders) -> None:
    """Say how many pairs are not measured, and which type cannot be."""
    if pairs.left_out:
        contenders.skip("published pairs", f"{pairs.left_out} of {pairs.left_out + len(pairs)} name an item that training does not know")
    for kind in KINDS:
        if len(np.unique(pairs.labels[pairs.kinds == kind])) < len(LABELS):
            contenders.skip(f"published {kind}s, and the mean of both types", "it takes true pairs and false ones")


def score_published(pairs: Published, scorers: Mapping[str, Sequence[RelationScorer]]) -> dict[str, tuple[Floats, float]]:
    """Return the scores (P,) and seconds of each model that knows both types."""
    found: dict[str, tuple[Floats, float]] = {}
    for name in (scorer.name for scorer in scorers[KINDS[0]]):
        both = [next((s for s in scorers[kind] if s.name == name), None) for kind in KINDS]
        started, scores = time.monotonic(), np.zeros(len(pairs), dtype=np.float32)
        for kind, scorer in zip(KINDS, both, strict=True):
            if scorer is None:
                break
            own = pairs.kinds == kind
            scores[own] = score_pairs(scorer, kind, pairs.src[own], pairs.dst[own])
        else:
            found[name] = scores, time.monotonic() - started
    return found


def _figures(data: str, model: str, pairs: Published, scores: Floats, resampling: Resampling, seconds: float, seed: int) -> list[Figure]:
    every = np.arange(len(pairs))
    values = slice_measures(pairs, scores, every)
    drawn = np.stack([slice_measures(pairs, scores, np.repeat(every, held[resampling.unit].astype(np.int64))) for held in resampling.chosen])
    low, high = np.percentile(np.where(np.isnan(drawn), values, drawn), LEVEL, axis=0)  # few pairs: a draw may hold one label alone
    told, new = len(pairs), int((~(pairs.joined & pairs.labels)).sum())
    counts = {BOTH: told, **{kind: int((pairs.kinds == kind).sum()) for kind in KINDS}, NEW: new}
    return [
        Figure(
            task=PUBLISHED,
            data=data,
            slice=part,
            model=model,
            metric=measure,
            value=float(values[row, column]),
            low=float(low[row, column]),
            high=float(high[row, column]),
            n=count,
            seed=seed,
            seconds=round(seconds, 3),
        )
        for row, (part, count) in enumerate(counts.items())
        for column, measure in enumerate(MEASURES)
        if not np.isnan(values[row, column])
    ]
