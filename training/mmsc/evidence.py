"""Why an item stands in a list, in words: counts and verdicts where there are any, likeness where there are none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.dataset import Floats, Ints
from training.mmsc.scorer import MmscScorer

MET = {
    "co_purchase": "bought together {times}",
    "co_view": "viewed in one session {times}",
    "then_bought": "bought afterwards {times}",
    "also_bought": "the source says: also bought",
    "also_viewed": "the source says: also viewed",
    "bought_together": "the source says: bought together",
    "type_1": "the source relates them (type 1)",
    "type_2": "the source relates them (type 2)",
}
LIKE = 0.5
"""Least cosine of frozen vectors to be called similar."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Known edges by (type, src, dst): what was counted, and what the judge said."""

    edges: Mapping[Key, str]

    def of(self, kind: str, src: str, dst: str) -> str:
        """Return the words for an edge, '' where there is none."""
        return self.edges.get((kind, src, dst), "")


def build_evidence(relations: pa.Table, verdicts: pa.Table | None) -> Evidence:
    """Return evidence from rows of ``relations`` (one graph) and ``edge_verdicts``."""
    reasons = _reasons(verdicts)
    return Evidence({(row["type"], row["src"], row["dst"]): _words(row, reasons) for row in relations.to_pylist()})


def _reasons(verdicts: pa.Table | None) -> dict[tuple[str, str, str, str], str]:
    rows = verdicts.to_pylist() if verdicts is not None else []
    return {(*sorted((r["src"], r["dst"])), r["judge"], r["prompt_hash"]): r["reason"] for r in rows if r["reason"]}


def _words(row: Mapping[str, Any], reasons: Mapping[tuple[str, str, str, str], str]) -> str:
    times = "once" if row["n"] == 1 else f"{row['n']} times"
    parts = [MET.get(row["relation"], row["relation"]).format(times=times)]
    if row["lift"] is not None:
        parts.append(f"lift {row['lift']:.1f}")
    if row["judge"]:
        said = reasons.get((*sorted((row["src"], row["dst"])), row["judge"], row["prompt_hash"] or ""))
        parts.append(f"judged by {row['judge']}" + (f" ({said.removeprefix('rule ')})" if said else ""))
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What can be said of pairs (P,) without an edge: neighbours shared within the task, cosines of texts and pictures."""

    shared: Ints
    text: Floats
    image: Floats

    def words(self, at: int, source: str) -> str:
        """Return the words for pair ``at``."""
        likes = [name for name, cosines in (("text", self.text), ("picture", self.image)) if cosines[at] >= LIKE]
        like = f"similar in {' and '.join(likes)}" if likes else "near by what the model learned"
        if source == "cold_start":
            return f"as for the items most like it; {like}"
        return f"{self.shared[at]} items go with both; {like}" if self.shared[at] else like


def build_likeness(scorer: MmscScorer, kind: str, src: Ints, dst: Ints) -> Likeness:
    """Measure pairs (P,)."""
    cosines = scorer.vectors.cosines(kind, src, dst[:, None])[:, 0]
    return Likeness(scorer.heuristics.shared(kind, src, dst), cosines[:, 2], cosines[:, 3])


def explain(
    evidence: Evidence, likeness: Likeness, kind: str, ids: tuple[str, ...], src: Ints, dst: Ints, sources: npt.NDArray[np.str_]
) -> list[str]:
    """Return one reason a pair (P,): its edge where there is one, else its likeness; ``sources`` (P,) says what the answer rests on."""
    pairs = enumerate(zip(src.tolist(), dst.tolist(), sources.tolist(), strict=True))
    return [evidence.of(kind, ids[i], ids[j]) or likeness.words(at, source) for at, (i, j, source) in pairs]
