"""Which verdicts a person is asked about: some of each label and fate, in an order that a seed fixes, so that an audit goes on where it stopped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.catalogue.graph import LABELS
from goeswith.errors import ConfigError, VersionMissing
from goeswith.profile import Profile

FATES = KEPT, MOVED, DROPPED = ("kept", "moved", "dropped")
CHANCES = [f"p_{label}" for label in LABELS]
Stratum = tuple[str, str]
"""Label and fate."""


@dataclass(frozen=True, slots=True)
class AskedVerdict:
    """One verdict: what it says, and what became of the pair by it."""

    src: str
    dst: str
    prompt_hash: str
    label: str
    fate: str

    @property
    def stratum(self) -> Stratum:
        """Label and fate."""
        return self.label, self.fate


def choose_judge(profile: Profile, versions: Mapping[str, int], judge: str) -> str:
    """Return the judge that is named, or the only one that has judged. Raises ``ConfigError`` that lists those there are."""
    found = sorted(pc.unique(read_released(profile, versions, "edge_verdicts", ("judge",))["judge"]).to_pylist())
    if judge in found or (not judge and len(found) == 1):
        return judge or found[0]
    what = f"the judge {judge!r} has given no verdict" if judge or not found else f"{len(found)} judges have given verdicts"
    raise ConfigError(what, f"--judge: {', '.join(found)}" if found else "run: goeswith run graph")


def read_verdicts(profile: Profile, versions: Mapping[str, int], judge: str) -> list[AskedVerdict]:
    """Return a judge's newest verdicts that decided on an edge of the full graph.

    An edge that stands by the judge was *moved* or *kept*; a pair was *dropped* where 'neither' is the likeliest and no edge stands. A pair
    that has no edge for another reason (pruned, met too seldom), or one that another judge decided on, has no fate that this verdict gave
    it, and a verdict with its greatest chance twice, as one that abstains, has no label: these are left out.
    """
    columns = ("src", "dst", "judge", "prompt_hash", "judged_at", *CHANCES)
    rows = read_released(profile, versions, "edge_verdicts", columns, {"judge": judge})
    newest = rows.group_by(["src", "dst"]).aggregate([("judged_at", "max")]).rename_columns(["src", "dst", "judged_at"])
    standing = rows.join(newest, ["src", "dst", "judged_at"], join_type="inner")
    edges = read_released(profile, versions, "relations", ("src", "dst", "judge", "moved"), {"graph": "full"})
    judged = _unordered(standing).join(_by_pair(edges, judge), ["a", "b"], join_type="left outer")
    return sorted(_with_fate(judged), key=lambda one: (one.src, one.dst))


def read_released(
    profile: Profile, versions: Mapping[str, int], table: str, columns: Sequence[str], where: Mapping[str, str] | None = None
) -> pa.Table:
    """Return rows of a table at its released version. Raises ``VersionMissing``."""
    if table not in versions:
        raise VersionMissing(f"no release names {table!r}", "run the DAG that judges and releases: goeswith run graph")
    return lake.read_table(profile, table, version=versions[table], columns=columns, where=where)


def _unordered(rows: pa.Table) -> pa.Table:
    for name, pick in (("a", pc.min_element_wise), ("b", pc.max_element_wise)):
        rows = rows.append_column(name, pick(rows["src"], rows["dst"]))
    return rows


def _by_pair(edges: pa.Table, judge: str) -> pa.Table:
    """Return one row a pair that has an edge: whether it is ``mine``, the judge's, and whether its verdict ``moved`` it there."""
    mine = edges.append_column("mine", pc.fill_null(pc.equal(edges["judge"], judge), False))
    pairs = _unordered(mine).group_by(["a", "b"]).aggregate([("mine", "max"), ("moved", "max")])
    return pairs.rename_columns(["a", "b", "mine", "moved"])


def _with_fate(judged: pa.Table) -> Iterator[AskedVerdict]:
    for row in judged.select(["src", "dst", "prompt_hash", "mine", "moved", *CHANCES]).to_pylist():
        chances = [row[name] for name in CHANCES]
        label = LABELS[chances.index(max(chances))]
        fate = _fate(row, label)
        if fate and chances.count(max(chances)) == 1:
            yield AskedVerdict(row["src"], row["dst"], row["prompt_hash"], label, fate)


def _fate(row: Mapping[str, bool | None], label: str) -> str | None:
    if row["mine"] is None:
        return DROPPED if label == "neither" else None
    return None if not row["mine"] else MOVED if row["moved"] else KEPT


def count_strata(verdicts: Iterable[AskedVerdict]) -> dict[Stratum, int]:
    """Return how many verdicts each label and fate have."""
    counts: dict[Stratum, int] = {}
    for one in verdicts:
        counts[one.stratum] = counts.get(one.stratum, 0) + 1
    return counts


def draw_sample(verdicts: Sequence[AskedVerdict], *, per_stratum: int, seed: int) -> list[AskedVerdict]:
    """Return ``per_stratum`` verdicts of each label and fate, turn by turn, so that a sample cut short is as balanced.

    The order is that of a hash of seed and pair: a larger sample begins with the smaller one, and other rows in the table change nothing.
    """
    strata: dict[Stratum, list[AskedVerdict]] = {}
    for one in sorted(verdicts, key=lambda one: sha256(f"{seed}\n{one.src}\n{one.dst}".encode()).digest()):
        strata.setdefault(one.stratum, []).append(one)
    turns = zip_longest(*(strata[name][:per_stratum] for name in sorted(strata)))
    return [one for turn in turns for one in turn if one is not None]
