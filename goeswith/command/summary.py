"""What a whole run came to: rows, edges, metrics, versions and seconds, from the tables and the run's records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.profile import Profile
from goeswith.records import read_records
from goeswith.releases import Release, read_release
from goeswith.results import read_figures

ROW_COUNTS = ("in", "kept", "quarantined", "duplicates")
NO_EDGES = "No two items ever met, and the source declares no relation: every answer rests on content alone."
NO_METRICS = "Nothing was held out to measure the models by: no basket, no bundle, no declared relation."


def build_summary(profile: Profile, run_id: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of a finished run; ``answers`` holds one served answer of each kind."""
    records = read_records(profile, run_id)
    ingest = records["ingest"]["summary"]
    release = read_release(profile)
    edges, metrics = count_edges(profile, release), [asdict(figure) for figure in read_figures(profile, "metrics")]
    return {
        "run": run_id,
        "source": {"name": ingest["source"], "lacks": ingest["lacks"]},
        "rows": total_rows(ingest["rows"]),
        "rows_by_table": ingest["rows"],
        "rules": ingest["rules"],
        "edges": edges,
        "metrics": metrics,
        "notes": note_gaps(edges, metrics),
        "answers": dict(answers),
        "versions": {"release": release.name, "tables": dict(release.versions), "models": records.get("publish_models", {}).get("summary", {})},
        "seconds": {step: record["seconds"] for step, record in records.items()},
    }


def note_gaps(edges: Mapping[str, Mapping[str, int]], metrics: Sequence[Any]) -> list[str]:
    """Return a sentence for each thing that a shop's data could not give."""
    return [*([] if any(edges.values()) else [NO_EDGES]), *([] if metrics else [NO_METRICS])]


def total_rows(by_table: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return rows in, kept, quarantined and duplicates over all tables."""
    return {name: sum(counts[name] for counts in by_table.values()) for name in ROW_COUNTS}


def count_edges(profile: Profile, release: Release) -> dict[str, dict[str, int]]:
    """Return edges of the full graph per relation and stage: counted, kept by pruning, typed."""
    stages = {"counted": ("item_pairs", "relation"), "kept": ("pair_scores", "relation"), "related": ("relations", "type")}
    return {stage: _count(profile, release, table, by) for stage, (table, by) in stages.items()}


def _count(profile: Profile, release: Release, table: str, by: str) -> dict[str, int]:
    if table not in release.versions:
        return {}
    columns = ["graph", by, *(["kept"] if table == "pair_scores" else [])]
    rows = lake.read_table(profile, table, version=release.version_of(table), columns=columns, where={"graph": "full"})
    if table == "pair_scores":
        rows = rows.filter(rows["kept"])
    counts = rows.group_by(by).aggregate([([], "count_all")])
    return dict(zip(_strings(counts[by]), counts["count_all"].to_pylist(), strict=True))


def _strings(column: pa.ChunkedArray) -> list[str]:
    return [str(value) for value in column.to_pylist()]
