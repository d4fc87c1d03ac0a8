"""The undisturbed way of the small shop, step by step, with a copy of the home before each: where a fault is put in, and what must come out."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake
from goeswith.catalogue import TABLES
from goeswith.command.main import call
from goeswith.profile import Profile, load_profile
from tests.faults import shop
from tests.faults.processes import SIZED, Ended, Step

TIMES = ("updated_at", "judged_at", "checked_at", "created_at")
"""Columns that say when something was written: no two runs agree on them."""
RELATION_TABLES = ["item_pairs", "edge_verdicts", "relations"]
Contents = dict[str, list[str]]
"""The rows of every table, sorted, but ``TIMES``."""


class History:
    """Runs the steps of ``list_steps`` one after the other, as far as somebody asks; ``home`` and ``versions`` stand at the end of the last."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "undisturbed"
        self.home.mkdir()
        self._folder, self._versions, self._done = folder, dict[str, int](), list[str]()
        self._expected: dict[str, Contents] = {}
        self.steps = {step.name: step for step in list_steps(shop.write_first(folder / "first"), shop.write_second(folder / "second"))}

    def reach(self, name: str) -> Step:
        """Run all steps up to one, and it too, unless that was done already."""
        for step in list(self.steps.values())[len(self._done) :]:
            if name in self._done:
                break
            self._run(step)
        return self.steps[name]

    def copy_before(self, name: str, home: Path) -> Mapping[str, int]:
        """Put the home as it was before a step at ``home``; return the versions that the step is given."""
        self.reach(name)
        shutil.copytree(self._folder / f"before_{name}", home, dirs_exist_ok=True)
        versions: dict[str, int] = json.loads((self._folder / f"versions_{name}.json").read_text(encoding="utf-8"))
        return versions

    def expected(self, name: str) -> Contents:
        """Return what all tables hold after a step."""
        self.reach(name)
        return self._expected[name]

    def _run(self, step: Step) -> None:
        shutil.copytree(self.home, self._folder / f"before_{step.name}")
        (self._folder / f"versions_{step.name}.json").write_text(json.dumps(self._versions), encoding="utf-8")
        ended = call_step(self.home, step, self._versions)
        assert ended.code == 0, ended.said
        self._versions |= ended.result["versions"]
        self._expected[step.name] = read_contents(self.home)
        self._done.append(step.name)


def list_steps(first: Path, second: Path) -> list[Step]:
    """Return the steps of two runs: the shop as a snapshot, then an addition to it, through to a release."""
    whole, addition = ({"source": "files", "data": str(folder), "mode": mode} for folder, mode in ((first, "snapshot"), (second, "increment")))
    called: list[tuple[str, str, dict[str, Any]]] = [
        ("ingest", "first", whole),
        ("reserve_holdout", "first", {}),
        ("count_pairs", "first", {}),
        ("ingest", "second", addition),
        ("reserve_holdout", "second", {}),
        ("count_pairs", "second", {}),
        ("measure_pairs", "second", {}),
        ("judge_edges", "second", {}),
        ("build_relations", "second", {}),
        ("gate", "second", {"tables": [*shop_tables(), "holdout", "item_numbers", "pair_ledger", *RELATION_TABLES]}),
        ("release", "second", {}),
    ]
    return [Step(job=job, run=run, params=params, name=f"{job}_{run}") for job, run, params in called]


def shop_tables() -> list[str]:
    """Return the tables that ingest writes."""
    return ["items", "events", "bundles", "declared_relations", "quarantine"]


def profile_of(home: Path) -> Profile:
    """Return the local profile at a home."""
    return load_profile(overrides={"home": home})


def read_contents(home: Path) -> Contents:
    """Return all rows of all tables there are; the rows of tables of a shop of this size fit into memory."""
    profile = profile_of(home)
    there = [name for name in TABLES if lake.current_version(profile, name) is not None]
    return {name: _read_rows(profile, name) for name in there}


def _read_rows(profile: Profile, name: str) -> list[str]:
    rows = lake.read_table(profile, name)
    return sorted(map(repr, rows.drop_columns([time for time in TIMES if time in rows.schema.names]).to_pylist()))


def call_step(home: Path, step: Step, versions: Mapping[str, int]) -> Ended:
    """Run a job in this process, in the Spark session that runs: quick, and for faults that no process dies of."""
    printed, said = io.StringIO(), io.StringIO()
    with _settings(home), redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", said)
        code = call(step.words(versions))
    return Ended(code=code, printed=printed.getvalue(), said=said.getvalue())


@contextmanager
def _settings(home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SIZED, "GOESWITH_HOME": str(home)}.items():
            patch.setenv(name, value)
        yield
