"""A shop with three users, and every place in which it keeps something of them."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from goeswith import lake, releases
from goeswith.catalogue import Writer, find_table
from goeswith.erasure.user import hash_user
from goeswith.profile import Profile
from goeswith.results import write_json
from tests import tiny_shop

USERS = ("alice-12345", "bob-67890", "carol-13579")
FORGOTTEN = USERS[0]
RUN = "before"


def item_rows() -> list[dict[str, Any]]:
    """Return six items without pictures."""
    common = {"title": "t", "attributes": [], "category": [], "available": True, "known_at": tiny_shop.EPOCH}
    return [{"item_id": f"item-{k}", **common} for k in range(6)]


def hashes(profile: Profile) -> dict[str, str]:
    return {user: hash_user(profile, user) for user in USERS}


def basket_of(profile: Profile, user: str, number: int) -> str:
    return hash_user(profile, f"basket {number} of {user}")


def event_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return three baskets a user, two items each."""
    items = [row["item_id"] for row in item_rows()]
    rows = []
    for user, user_hash in hashes(profile).items():
        for number in range(3):
            for item in items[number : number + 2]:
                event = {"event_id": hash_user(profile, f"{user}{number}{item}"), "basket_id": basket_of(profile, user, number)}
                at = datetime(2026, 1, 1 + number, tzinfo=UTC)
                rows.append({**event, "user_id": user_hash, "item_id": item, "kind": "purchase", "quantity": 1, "price": 1.0, "happened_at": at})
    return rows


def bundle_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return one bundle that the user put together, one drawn from their basket, and one of nobody's."""
    groups = {"own": hash_user(profile, FORGOTTEN), "drawn": basket_of(profile, FORGOTTEN, 0), "shop": hash_user(profile, "the shop")}
    items = [row["item_id"] for row in item_rows()[:2]]
    common = {"title": None, "origin": "sold", "known_at": tiny_shop.EPOCH}
    return [{"bundle_id": b, "item_id": item, "group_id": group, **common} for b, group in groups.items() for item in items]


def quarantine_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return a refused row a user, as ingest keeps it, and one whose text names the user plainly."""
    rows = [{"row": json.dumps({"user_id": value, "price": "x"}), "detail": "price=x"} for value in hashes(profile).values()]
    rows.append({"row": json.dumps({"note": f"for {FORGOTTEN}"}), "detail": "basket_id=null"})
    common = {"source": "files", "target": "events", "rule": "price_unreadable"}
    return [{**common, "row_hash": f"row{k}", **row} for k, row in enumerate(rows)]


def gate_rows(profile: Profile) -> pa.Table:
    """Return what two gates saw: one shows a basket of the user among others, one shows an item."""
    samples = {"events.basket_id is known": [basket_of(profile, FORGOTTEN, 1), "other"], "events.item_id is known": ["item-7"]}
    common = {"run": RUN, "table": "events", "version": 1, "success": False, "severity": "warn", "unexpected": 2, "decision": "pass"}
    rows = [{**common, "expectation": e, "observed": '{"rows": 9}', "sample": json.dumps(s), "checked_at": tiny_shop.NOW} for e, s in samples.items()]
    return pa.Table.from_pylist(rows, schema=find_table("gate_results").schema)


def training_rows() -> list[dict[str, Any]]:
    """Return a pair as a training set holds it: with counts that the user is part of."""
    pair = {"graph": "full", "kind": "pair", "item_id": "item-0", "dst": "item-1", "type": "complement", "n": 3, "weight": 0.5}
    return [{**pair, "run": RUN, "row": 0, "as_of": tiny_shop.NOW}]


def write_shop(profile: Profile) -> dict[str, int]:
    """Write the shop in several versions a table, release it, and leave the texts that a run leaves."""
    items = item_rows()
    events = event_rows(profile)
    versions = {"items": tiny_shop.write_rows(profile, "items", items)}
    for part in (events[::2], events[1::2], [{**row, "quantity": 2} for row in events]):  # the last one rewrites every row: a change feed
        versions["events"] = tiny_shop.write_rows(profile, "events", part)
    versions["bundles"] = tiny_shop.write_rows(profile, "bundles", bundle_rows(profile))
    versions["quarantine"] = tiny_shop.write_rows(profile, "quarantine", quarantine_rows(profile))
    versions["training_sets"] = tiny_shop.write_rows(profile, "training_sets", training_rows())
    lake.write_table(profile, "gate_results", gate_rows(profile), writer=Writer.KERNEL)
    releases.write_release(profile, RUN, versions)
    write_texts(profile)
    return versions


def write_texts(profile: Profile) -> None:
    """Leave a failure that names the user's hash, and a log that names a basket and the plain id."""
    write_json(profile.runs / RUN / "failures" / "gate.json", {"what": f"for example ['{hash_user(profile, FORGOTTEN)}']", "remedy": "none"})
    log = profile.runs / RUN / "ingest.log"
    log.write_text(f"basket {basket_of(profile, FORGOTTEN, 2)} refused\nuser {FORGOTTEN}, user {USERS[1]}\n", encoding="utf-8")


def names_of(profile: Profile, user: str) -> list[str]:
    """Return everything that names a user, or what they bought together."""
    events = {row["event_id"] for row in event_rows(profile) if row["user_id"] == hash_user(profile, user)}
    return [user, hash_user(profile, user), *(basket_of(profile, user, number) for number in range(3)), *sorted(events)]


def files_that_name(profile: Profile, user: str) -> list[str]:
    """Return the files below the home that name a user."""
    return files_below_that_hold(profile.root, names_of(profile, user))


def files_below_that_hold(home: Path, names: list[str]) -> list[str]:
    """Return the files below a home in whose content, or path, a name stands."""
    files = (path for path in sorted(home.rglob("*")) if path.is_file())
    return [str(path.relative_to(home)) for path in files if _names_any(path, names)]


def _names_any(path: Path, names: list[str]) -> bool:
    return any(name in str(path) or any(name.encode() in content for content in _contents(path)) for name in names)


def _contents(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, and what they are when decompressed: rows and statistics of Parquet."""
    yield path.read_bytes()
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        yield json.dumps(pq.read_table(path, partitioning=None).to_pylist(), default=str).encode()
        yield json.dumps(pq.read_metadata(path).to_dict(), default=str).encode()
