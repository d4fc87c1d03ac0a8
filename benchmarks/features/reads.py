"""Reading what the shop says of 1, 50 and 200 items: our client on two stores, Feast's own call, and Redis asked without either."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import redis
from feast import FeatureStore

from benchmarks.features.server import serving_redis
from benchmarks.serve.clocks import Ask, Taken, ask_for
from benchmarks.serve.made import RUN, make_catalogue, write_tables
from benchmarks.serve.slices import as_figures
from feature_repo.jobs import materialise
from feature_repo.store import open_store
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.results import Figure
from goeswith_client.feast_features import FeastFeatures

TASK = "features"
OURS, ON_SQLITE, FEAST, MGET = "goeswith", "goeswith, SQLite", "feast", "redis-mget"
SIZES = (1, 50, 200)
ASKED = 500

Read = Callable[[Sequence[str]], object]


@dataclass(frozen=True, slots=True)
class Readers:
    """The ids that may be read, and who reads them."""

    ids: tuple[str, ...]
    by: dict[str, Read]


@contextmanager
def readers(profile: Profile, items: int) -> Iterator[Readers]:
    """Yield the readers of a made catalogue that stands in SQLite, in Redis, and as plain keys in Redis."""
    catalogue, folder = make_catalogue(items), profile.root / "bench" / "features"
    with serving_redis() as (address, client):
        stores = {ON_SQLITE: profile.moved(folder / "sqlite"), OURS: profile.moved(folder / "redis", feast=_redis_at(address))}
        for own in stores.values():
            if not (own.root / "lake").exists():
                write_tables(own, catalogue)
            materialise.run(JobRun(profile=own, run_id=RUN))
        found = {name: FeastFeatures(own.features) for name, own in stores.items()}
        _copy_plain(found[OURS], client, catalogue.ids)
        feast = open_store(stores[OURS])
        by: dict[str, Read] = {name: features.items for name, features in found.items()}
        yield Readers(catalogue.ids, {**by, FEAST: lambda ids: _by_feast(feast, ids), MGET: lambda ids: client.mget(ids)})


def _redis_at(address: str) -> dict[str, str]:
    return {"online_store": "redis", "online_path": address}


def _copy_plain(features: FeastFeatures, client: "redis.Redis", ids: Sequence[str]) -> None:
    """Write what the shop says of each item under its id, as a team without Feast would."""
    for start in range(0, len(ids), 1_000):
        client.mset({item_id: item.model_dump_json() for item_id, item in features.items(ids[start : start + 1_000]).items()})


def _by_feast(store: FeatureStore, ids: Sequence[str]) -> object:
    return store.get_online_features(["item_cards:card"], [{"item_id": item_id} for item_id in ids]).to_dict()


def bench_reads(profile: Profile, items: int, repeats: int, seconds: float, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Yield how long a reading of each size takes; the readers take turns, repeat by repeat."""
    with readers(profile, items) as found:
        for size in SIZES:
            asked = _drawn(found.ids, size)
            taken = {name: list[Taken]() for name in found.by}
            for repeat in range(repeats + 1):
                for name, read in found.by.items():
                    tell(f"{size} rows, {name}, {repeat} of {repeats}")
                    run = ask_for(seconds, _in_turn(read, asked), [str(at) for at in range(ASKED)])
                    taken[name] += [run] if repeat else []  # the first time around warms up
            for name, runs in taken.items():
                yield from as_figures(f"rows-{size}", name, runs, TASK)


def _in_turn(read: Read, asked: list[list[str]]) -> Ask:
    return lambda at: read(asked[int(at)])


def _drawn(ids: Sequence[str], size: int) -> list[list[str]]:
    rng = np.random.default_rng(size)
    return [[ids[at] for at in rng.choice(len(ids), size, replace=False).tolist()] for _ in range(ASKED)]
