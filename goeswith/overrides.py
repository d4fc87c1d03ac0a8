"""Overrides of gates: who lets one version pass although an expectation that stops it does not hold, and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.errors import ConfigError
from goeswith.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One permission for one version: it waits until a gate uses it, and holds for that version from then on."""

    table: str
    expectation: str
    author: str
    reason: str
    created_at: datetime
    run: str | None = None
    used_run: str | None = None
    used_version: int | None = None

    def allows(self, run: str, version: int) -> bool:
        """Return whether the gate of this run may let this version pass by it. The same gate may ask again."""
        if self.used_version is None:
            return self.run in (None, run)
        return (self.used_run, self.used_version) == (run, version)


def give_override(profile: Profile, *, table: str, expectation: str, reason: str, author: str, run: str | None = None) -> Override:
    """Write an override for the next version that needs it, of any run or of one.

    Raises ``ConfigError`` for an expectation that the table does not have or that only warns, and where reason or author are empty.
    """
    legal = [rule.says for rule in find_table(table).promises if rule.severity == "stop"]
    if expectation not in legal:
        raise ConfigError(f"no expectation of {table!r} that stops is called {expectation!r}", f"expectations: {'; '.join(legal)}")
    if not reason.strip() or not author.strip():
        raise ConfigError("an override needs a reason and an author", 'for example --reason "the shop closed its garden department" --author ada')
    given = Override(table=table, expectation=expectation, author=author, reason=reason, run=run, created_at=datetime.now(UTC))
    _write(profile, [given])
    return given


def read_overrides(profile: Profile, table: str | None = None) -> list[Override]:
    """Return the overrides of a table, or of all, oldest first."""
    if lake.current_version(profile, "gate_overrides") is None:
        return []
    rows = lake.read_table(profile, "gate_overrides", where={"table": table} if table else None).sort_by("created_at").to_pylist()
    return [Override(**row) for row in rows]


def find_overrides(profile: Profile, table: str, version: int, run: str) -> dict[str, Override]:
    """Return what the gate of one version may use, by expectation: what it used before, else the oldest that waits."""
    allowed = [override for override in read_overrides(profile, table) if override.allows(run, version)]
    by_use = sorted(allowed, key=lambda override: (override.used_version is None, override.created_at))
    return {override.expectation: override for override in reversed(by_use)}


def use_overrides(profile: Profile, overrides: Iterable[Override], version: int, run: str) -> None:
    """Write down that this version passed by these; no other one can."""
    used = [replace(override, used_run=run, used_version=version) for override in overrides if override.used_version is None]
    if used:
        _write(profile, used)


def _write(profile: Profile, overrides: list[Override]) -> None:
    rows = pa.Table.from_pylist([asdict(override) for override in overrides], schema=find_table("gate_overrides").schema)
    lake.write_table(profile, "gate_overrides", rows, writer=Writer.KERNEL)
