"""Check one version of a table: Great Expectations judges what was measured of it, and what broke is shown."""

import json
from collections.abc import Mapping
from typing import Any

from goeswith.catalogue import ChangeRule, HasRows, Rule
from spark_jobs.gates.candidate import Candidate
from spark_jobs.gates.changes import explain_change, measure_change
from spark_jobs.gates.judge import MOST_PARTS, Verdict, judge
from spark_jobs.gates.outcome import Outcome
from spark_jobs.gates.samples import MAX_SAMPLE_CHARS, sample_rows
from spark_jobs.gates.statistics import ROWS

Figures = Mapping[str, float]
"""What was measured for one promise, by part."""


def check_candidate(candidate: Candidate) -> list[Outcome]:
    """Return an outcome for each promise of the table. Only those that do not hold are looked at again, for samples."""
    figures = {rule.says: figures_of(candidate, rule) for rule in candidate.table.promises}
    verdicts = judge(candidate.table, figures)
    return [_outcome(candidate, rule, figures[rule.says], verdicts[rule.says]) for rule in candidate.table.promises]


def figures_of(candidate: Candidate, rule: Rule) -> Figures:
    """Return what a promise bounds: the rows, the rows that break it, or how far each part is from the released version."""
    if isinstance(rule, HasRows):
        return {"": _rows(candidate)}
    if not isinstance(rule, ChangeRule):
        return {"": candidate.measured.broken[rule.says]}
    if candidate.baseline.counts is None:
        return {}
    return measure_change(candidate.table, rule, candidate.baseline.counts, candidate.measured.counts)


def _outcome(candidate: Candidate, rule: Rule, figures: Figures, verdict: Verdict) -> Outcome:
    if verdict.crash is not None:
        error = json.dumps({"error": verdict.crash[:MAX_SAMPLE_CHARS]})
        return Outcome(expectation=rule.says, success=False, severity=rule.severity, crashed=True, observed=error)
    counts_rows = not isinstance(rule, ChangeRule | HasRows)
    return Outcome(
        expectation=rule.says,
        success=verdict.holds,
        severity=rule.severity,
        observed=json.dumps(_observed(candidate, rule, figures)),
        unexpected=int(figures[""]) if counts_rows else None,
        sample=None if verdict.holds else _sample(candidate, rule, verdict),
    )


def _observed(candidate: Candidate, rule: Rule, figures: Figures) -> dict[str, Any]:
    if not isinstance(rule, ChangeRule):
        return {"rows": _rows(candidate)}
    if candidate.baseline.note:
        return {"note": candidate.baseline.note}
    shown = {part or "all": round(figures[part], 4) for part in sorted(figures)[:MOST_PARTS]}
    return {"released": candidate.baseline.version, "figures": shown}


def _sample(candidate: Candidate, rule: Rule, verdict: Verdict) -> str:
    if not isinstance(rule, ChangeRule):
        return sample_rows(candidate.table, candidate.rows, rule, candidate.known)
    counts = candidate.baseline.counts or {}
    return json.dumps([explain_change(rule, part, counts, candidate.measured.counts) for part in verdict.broken])


def _rows(candidate: Candidate) -> int:
    return candidate.measured.counts[ROWS, "", ""]
