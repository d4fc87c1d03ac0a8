"""From raw frames to what each table is to hold: parse, settle every row, and bring pictures and titles to the items."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import feedback, lake
from goeswith.catalogue import References, find_table
from goeswith.profile import Profile
from spark_jobs import cleaning, parsing
from spark_jobs.picture_intake import store_pictures
from spark_jobs.robots import Limits, mark_robots
from spark_jobs.settling import Rivals, Settled, count_outcomes, kept_rows, settle_rows
from spark_jobs.sources.base import RawTables
from spark_jobs.tables import empty_table, read_table

TARGETS = ("items", "events", "bundles", "declared_relations")
PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Parsed:
    """One target's rows as they came, and typed with the rule that each breaks."""

    came: DataFrame
    typed: DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the lake holds, by table, when rows are added to it. A snapshot adds to nothing: it is everything."""

    tables: Mapping[str, DataFrame] = field(default_factory=dict)
    win_ties: bool = False

    def rivals(self, target: str) -> Rivals | None:
        """Return the lake's rows that those of ``target`` compete with, or None in a snapshot."""
        return Rivals(self.tables[target], self.win_ties) if target in self.tables else None


NOTHING = Held()


def read_held(spark: SparkSession, profile: Profile, *, win_ties: bool) -> Held:
    """Read the newest version of every table that ingest writes, pinned: what is written from now on does not show."""
    versions = {name: lake.current_version(profile, name) for name in TARGETS}
    tables = {name: empty_table(spark, name) if at is None else read_table(spark, profile, name, at) for name, at in versions.items()}
    return Held(tables=tables, win_ties=win_ties)


def parse_source(raw: RawTables, source: str, profile: Profile) -> dict[str, Parsed]:
    """Type every row of every target that the source has; pictures go to the picture store on the way."""
    there = {name: rows for name in (*TARGETS, PICTURES) if (rows := getattr(raw, name)) is not None}
    return parse_tables(there, source, profile)


def parse_tables(raw: Mapping[str, DataFrame], source: str, profile: Profile) -> dict[str, Parsed]:
    """Type every row of raw frames, by target; pictures go to the picture store on the way."""
    hash_id = cleaning.hash_unmarked if source == feedback.SOURCE else cleaning.keyed_hash  # nobody else's files may say that an id is a hash
    hide = partial(hash_id, key=profile.user_hash_key.get_secret_value())
    parse: dict[str, Callable[[DataFrame], DataFrame]] = {
        "items": parsing.parse_items,
        "events": partial(parsing.parse_events, hide=hide),
        "bundles": partial(parsing.parse_bundles, hide=hide),
        "declared_relations": partial(parsing.parse_declared_relations, source=F.lit(source)),
        PICTURES: partial(store_pictures, store=profile.pictures),
    }
    return {name: Parsed(rows, parse[name](rows)) for name, rows in raw.items()}


def settle_tables(parsed: Mapping[str, Parsed], limits: Limits, held: Held = NOTHING) -> dict[str, Settled]:
    """Settle every row. Rows may refer to items that are kept now or that the lake holds. Raises ``DataContractError`` if one got lost."""
    settled = {"items": _settle("items", parsed["items"], limits, held)} if "items" in parsed else {}
    known = _known_items(settled, held)
    for target, rows in parsed.items():
        if target != "items":
            referring = parsing.mark_unknown_items(rows.typed, _references(target), known)
            settled[target] = _settle(target, Parsed(rows.came, referring), limits, held)
    return settled


def _known_items(settled: Mapping[str, Settled], held: Held) -> DataFrame:
    known = [kept_rows(settled["items"].rows).select("item_id")] if "items" in settled else []
    if "items" not in held.tables:
        return known[0]
    before = held.tables["items"].select("item_id")
    return known[0].unionByName(before.join(known[0], on="item_id", how="left_anti")) if known else before


def _references(target: str) -> tuple[str, ...]:
    if target == PICTURES:
        return ("item_id",)
    return tuple(rule.column for rule in find_table(target).rules if isinstance(rule, References))


def _settle(target: str, parsed: Parsed, limits: Limits, held: Held) -> Settled:
    """Settle one target and hold it in Spark's cache until it is written."""
    key = ("item_id",) if target == PICTURES else find_table(target).key
    cached = settle_rows(parsed.typed, target, key, held.rivals(target)).persist()
    account = count_outcomes(target, parsed.came.count(), cached)
    if target != "events" or not account.kept:
        return Settled(cached, cached, account)
    rows = mark_robots(cached, held.tables.get(target), limits)
    return Settled(rows, cached, account if rows is cached else count_outcomes(target, account.rows_in, rows))
