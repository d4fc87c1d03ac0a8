"""What a user is known by in the tables: the hash, and the baskets, events and bundles that are theirs. As much as one user did, no more."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.erasure.user import PLAIN_ID_CHARS, hash_user
from goeswith.profile import Profile
from goeswith.upkeep.log import live_files
from goeswith.upkeep.stored import list_files, open_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user to be forgotten. ``texts`` name them wherever they stand: the hash, and the plain id where it is long enough to name one user."""

    user_hash: str
    texts: tuple[str, ...]
    baskets: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    bundles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows of a table are a user's: what ``of`` says of these columns."""

    columns: tuple[str, ...]
    of: Callable[[Person], pc.Expression]


def _of_events(person: Person) -> pc.Expression:
    own = (pc.field("user_id") == person.user_hash) | (pc.field("basket_id") == person.user_hash)
    return own | (pc.field("user_id").is_null() & _among("basket_id", person.baskets))  # a line without a user, in a basket of theirs


def _of_bundles(person: Person) -> pc.Expression:
    return _among("group_id", {person.user_hash, *person.baskets})


def _of_holdout(person: Person) -> pc.Expression:
    baskets = (pc.field("kind") == "basket") & _among("id", {person.user_hash, *person.baskets})
    return baskets | ((pc.field("kind") == "bundle") & _among("id", person.bundles))


def _among(column: str, values: Iterable[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(values, pa.string()))


def _of_quarantine(person: Person) -> pc.Expression:
    found = (pc.match_substring(pc.field(column), text) for column in ("row", "fields", "detail") for text in person.texts)
    return reduce(or_, found)


def _of_feedback(person: Person) -> pc.Expression:
    return pc.field("unit") == person.user_hash


CONDITIONS = {
    "feedback": Condition(("unit",), _of_feedback),
    "quarantine": Condition(("row", "fields", "detail"), _of_quarantine),
    "bundles": Condition(("group_id",), _of_bundles),
    "holdout": Condition(("kind", "id"), _of_holdout),
    "events": Condition(("user_id", "basket_id"), _of_events),
}
"""The tables whose rows can be a user's, and which are; events last, for they say which baskets are the user's."""


def find_person(profile: Profile, user: str) -> Person:
    """Return what a user is known by, in every version that still lies on the disk. Raises ``ConfigError`` for no id."""
    user_hash, plain = hash_user(profile, user), user.strip()
    texts = (user_hash, plain) if len(plain) >= PLAIN_ID_CHARS else (user_hash,)
    person = Person(user_hash=user_hash, texts=texts)
    person = replace(person, baskets=_values(profile, "events", person, "basket_id") - {user_hash})
    person = replace(person, events=_values(profile, "events", person, "event_id"))
    return replace(person, bundles=_values(profile, "bundles", person, "bundle_id"))


def _values(profile: Profile, name: str, person: Person, column: str) -> frozenset[str]:
    return frozenset(find_rows(profile, name, person, columns=(column,))[column].to_pylist())


def find_rows(
    profile: Profile, name: str, person: Person, *, newest_only: bool = False, columns: Sequence[str] | None = None, where: Condition | None = None
) -> pa.Table:
    """Return the columns (by default the key) of a user's rows: of every file on the disk, change feed too, or of the newest version only.

    ``where`` says which rows are meant where they are others than the table's in ``CONDITIONS``.
    """
    table, condition = find_table(name), where or CONDITIONS[name]
    wanted = list(columns or table.key)
    read = pa.schema([table.schema.field(column).with_nullable(True) for column in dict.fromkeys((*wanted, *condition.columns))])
    parts = [
        batch.filter(condition.of(person))
        for path in _data_files(profile, name, newest_only=newest_only)
        for batch in _read(profile, name, path, read)
    ]
    return pa.concat_tables([read.empty_table(), *parts]).select(wanted).combine_chunks()


def _data_files(profile: Profile, name: str, *, newest_only: bool) -> Iterable[str]:
    current = lake.current_version(profile, name)
    if newest_only:
        return [] if current is None else sorted(live_files(profile, name, current))
    return [file.path for file in list_files(profile, name) if not file.in_log and file.path.endswith(".parquet")]


def _read(profile: Profile, name: str, path: str, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield a file's rows in batches of bounded size. A partition's value stands in the path; a column newer than the file is null."""
    files = open_folder(profile, name)
    try:
        file = pq.ParquetFile(files.open_input_file(path))
    except pa.ArrowInvalid:  # what a killed writer left: no version names it, and the end of the history takes it along
        logger.warning("%s/%s cannot be read and is left out of the search", name, path)
        return
    held = [column for column in schema.names if column in file.schema_arrow.names]
    said = dict(part.split("=", 1) for part in PurePosixPath(path).parts if "=" in part)
    for batch in file.iter_batches(columns=held):
        lacking = {f.name: pa.repeat(pa.scalar(said.get(f.name), f.type), len(batch)) for f in schema if f.name not in held}
        columns = [lacking[f.name] if f.name in lacking else batch.column(f.name).cast(f.type) for f in schema]
        yield pa.table(columns, schema=schema)
