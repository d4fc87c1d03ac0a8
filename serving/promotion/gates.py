"""What gates decided about the tables that a training was made from."""

from collections.abc import Mapping

from goeswith.gate_history import PASSED, read_history
from goeswith.jobs import JobRun
from goeswith.promotions import Gate
from goeswith.releases import released_versions

LEARNED = ("item_embeddings", "item_neighbours")
"""What training writes after this: the released versions are the champion's."""


def read_gates(job: JobRun) -> tuple[Gate, ...]:
    """Return the gate of each version that this run reads, by table."""
    versions = {table: version for table, version in {**released_versions(job.profile), **job.versions}.items() if table not in LEARNED}
    decisions: dict[tuple[str, int], str] = {}
    for record in read_history(job.profile):  # the newest first
        decisions.setdefault((record.table, record.version), record.decision)
    return tuple(Gate(table=table, version=at, decision=decisions.get((table, at))) for table, at in sorted(versions.items()))


def find_unpassed(gates: tuple[Gate, ...], released: Mapping[str, int]) -> list[str]:
    """Return a sentence for each version that no gate let pass. What was released may lack one: releasing asked for it then."""
    refused = [gate for gate in gates if gate.decision not in PASSED and (gate.decision or released.get(gate.table) != gate.version)]
    return [f"version {g.version} of {g.table} passed no gate: {'none looked at it' if g.decision is None else g.decision}" for g in refused]
