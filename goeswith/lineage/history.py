"""The way back, read from the records of runs: the step that made a thing, what that had read, and so on until only sources are left."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from goeswith.lineage.refs import Kind, Ref
from goeswith.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Which step of which run made a thing, when it was done with it, and what it had read."""

    made: Ref
    run: str
    step: str
    job: str
    ended_at: str
    inputs: tuple[Ref, ...]


def trace(profile: Profile, wanted: Ref) -> list[Made]:
    """Return how a thing came to be, and all that it was made of, each once, later ones first. What no record names is left out."""
    makers = read_makers(profile)
    found: dict[Ref, Made] = {}
    open_ends = [wanted]
    while open_ends:
        ref = open_ends.pop()
        if ref in makers and ref not in found:
            found[ref] = makers[ref]
            open_ends += makers[ref].inputs
    return sorted(found.values(), key=lambda made: made.ended_at, reverse=True)


def read_makers(profile: Profile) -> dict[Ref, Made]:
    """Return the step that made each thing: the first that ended with it, as later ones found it there and had nothing to add."""
    made = sorted(_read_all(profile), key=lambda made: made.ended_at, reverse=True)
    return {one.made: one for one in made}


def find_served(profile: Profile, version: int) -> Ref | None:
    """Return the served model of a version number, None where no run of the job ``publish_models`` published one."""
    served = (ref for ref in read_makers(profile) if ref.kind is Kind.SERVED)
    return next((ref for ref in served if ref.version == version), None)


def _read_all(profile: Profile) -> Iterator[Made]:
    for path in sorted(profile.runs.glob("*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        facts = {"run": path.parent.name, "step": path.stem, "job": record["job"], "ended_at": record.get("ended_at", "")}
        inputs = tuple(_ref(ref) for ref in record.get("inputs", ()))
        for ref in record.get("outputs", ()):  # records of before have none
            yield Made(made=_ref(ref), inputs=inputs, **facts)


def _ref(told: Mapping[str, Any]) -> Ref:
    return Ref(Kind(told["kind"]), told["name"], told["version"])
