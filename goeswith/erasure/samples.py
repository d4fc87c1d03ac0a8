"""What gates kept of a user: a few values that broke an expectation."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.erasure.person import Condition, Person, find_rows
from goeswith.profile import Profile

NAME = "gate_results"


def _shows_something(_person: Person) -> pc.Expression:
    return (pc.field("sample").is_valid() & (pc.field("sample") != "[]")) | pc.match_substring(pc.field("observed"), "error")


SHOWN = Condition(("sample", "observed"), _shows_something)


def find_samples(profile: Profile, person: Person, *, newest_only: bool) -> pa.Table:
    """Return the rows of ``gate_results`` that name a user, or a basket, event or bundle of theirs."""
    shown = find_rows(profile, NAME, person, newest_only=newest_only, columns=find_table(NAME).columns, where=SHOWN)
    mine = [_names(person, row) for row in shown.select(["sample", "observed"]).to_pylist()]
    return shown.filter(pa.array(mine, pa.bool_()))


def remove_samples(profile: Profile, person: Person) -> None:
    """Empty what such rows show; that an expectation failed, and how often, stays."""
    rows = find_samples(profile, person, newest_only=True)
    if rows.num_rows:
        for column in ("sample", "observed"):
            rows = rows.set_column(rows.schema.get_field_index(column), column, pa.nulls(rows.num_rows, pa.string()))
        lake.write_table(profile, NAME, rows, writer=Writer.KERNEL)


def _names(person: Person, row: dict[str, str | None]) -> bool:
    shown = [text for text in row.values() if text]
    if any(name in text for name in person.texts for text in shown):
        return True
    ids = person.baskets | person.events | person.bundles
    return any(value in ids for text in shown for value in _strings(_parsed(text)))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:  # cut to a length
        return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
