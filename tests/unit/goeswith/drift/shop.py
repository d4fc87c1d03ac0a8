"""A shop drawn at random, as large as a measure needs it to be: the same population for every seed, unless a test plants a shift."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from goeswith import releases
from goeswith.catalogue.graph import RELATION_TYPES
from goeswith.drift import job
from goeswith.drift.history import read_run
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from tests.tiny_shop import EPOCH, write_rows
from tests.unit.goeswith.experiments import shop as answers

Rows = list[dict[str, Any]]
NUM_ITEMS = 1200
NUM_BASKETS = 900
TRAINED = "trained"
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
LAST_EVENT = datetime(2026, 3, 31, tzinfo=UTC)
CATEGORIES = [["home", "pans"], ["home", "spoons"], ["sport", "rackets"], ["sport", "balls"], ["office", "pens"], ["office", "paper"]]


def item_rows(seed: int = 0, num_items: int = NUM_ITEMS) -> Rows:
    """Return items with prices about 20, words of many lengths, six categories and twenty brands, a tenth of each thing missing."""
    rng = np.random.default_rng(seed)
    return [_item(f"i{number}", rng) for number in range(num_items)]


def _item(item_id: str, rng: np.random.Generator) -> dict[str, Any]:
    there = rng.random(5) < 0.9
    return {
        "item_id": item_id,
        "title": "x" * int(rng.integers(10, 60)),
        "description": "y" * int(rng.integers(50, 400)),
        "brand": f"brand{rng.zipf(1.5) % 20}" if there[0] else None,
        "category": CATEGORIES[rng.integers(6)] if there[1] else None,
        "attributes": None,
        "price": float(20 * rng.lognormal(0, 0.6)) if there[2] else None,
        "currency": "EUR",
        "image": "a" if there[3] else None,
        "available": bool(there[4]),
        "variant_of": None,
        "known_at": EPOCH,
    }


def event_rows(seed: int = 0, last: datetime = LAST_EVENT, num_baskets: int = NUM_BASKETS, num_items: int = NUM_ITEMS) -> Rows:
    """Return baskets of one to five items over the twenty days up to ``last``, a third of them looked at only."""
    rng = np.random.default_rng(seed)
    return [row for basket in range(num_baskets) for row in _basket(f"{last:%m%d}-{seed}-{basket}", rng, last, num_items)]


def _basket(basket: str, rng: np.random.Generator, last: datetime, num_items: int) -> Rows:
    at, kind = last - timedelta(minutes=int(rng.integers(20 * 24 * 60))), "view" if rng.random() < 1 / 3 else "purchase"
    items = rng.choice(num_items, rng.integers(1, 6), replace=False)
    common = {"basket_id": basket, "kind": kind, "quantity": 1, "price": None, "user_id": None, "happened_at": at}
    return [{"event_id": f"{basket}-{item}", "item_id": f"i{item}", **common} for item in items]


def edge_rows(seed: int = 0, num_edges: int = 1500) -> Rows:
    """Return edges of both types whose strengths come from one population."""
    rng = np.random.default_rng(seed)
    common = {"graph": "full", "relation": "co_view", "n": 5, "moved": False, "known_at": EPOCH}
    return [{**common, **_strengths(rng), **_ends(number)} for number in range(num_edges)]


def _ends(number: int) -> dict[str, str]:
    return {"type": ("substitute", "complement")[number % 2], "src": f"i{number % 100}", "dst": f"i{100 + number // 100}"}


def _strengths(rng: np.random.Generator) -> dict[str, float]:
    return {"weight": float(rng.beta(2, 3)), "npmi": float(rng.uniform(-0.2, 0.8)), "lift": float(rng.lognormal(1, 0.8))}


def list_rows(seed: int = 0, num_items: int = NUM_ITEMS) -> Rows:
    """Return a list of five neighbours of every item in both relations."""
    rng = np.random.default_rng(seed)
    facts = {"threshold": 0.5, "model_version": TRAINED, "release": TRAINED, "known_at": EPOCH}
    keys = [{"type": kind, "item_id": f"i{number}"} for kind in RELATION_TYPES for number in range(num_items)]
    return [{**key, "neighbours": _neighbours(rng), **facts} for key in keys]


def _neighbours(rng: np.random.Generator) -> Rows:
    scores = sorted(rng.beta(3, 2, 5), reverse=True)
    return [{"item": f"i{place}", "score": float(score), "source": "behaviour", "reason": ""} for place, score in enumerate(scores)]


def feedback_rows(seed: int, days_ago: tuple[int, int], rate: float, *, source: str = "precomputed", num_units: int = 700) -> Rows:
    """Return answers that units were shown between two days ago, and clicks on a share of them; units differ in how they like to click."""
    rng, rows = np.random.default_rng(seed), Rows()
    for number, liking in enumerate(rng.gamma(2.0, 0.5, num_units)):
        unit = f"{source}-{seed}-{days_ago[0]}-{number}"
        for answer in range(rng.integers(1, 6)):
            at = TODAY - timedelta(days=int(rng.integers(*days_ago)))
            rows.append(answers.row("exposure", unit, answer, None, happened_at=at, source=source))
            if rng.random() < min(1.0, rate * liking):
                rows.append(answers.row("click", unit, answer, None, happened_at=at + timedelta(minutes=1)))
    return rows


def release(profile: Profile, name: str, **tables: Rows) -> dict[str, int]:
    """Write rows of tables over those that stand there, and release them."""
    versions = {table: write_rows(profile, table, rows) for table, rows in tables.items()}
    releases.write_release(profile, name, versions)
    return versions


def release_all(profile: Profile, name: str = TRAINED, seed: int = 0) -> dict[str, int]:
    """Write and release a whole shop."""
    tables = {"items": item_rows(seed), "relations": edge_rows(seed), "item_neighbours": list_rows(seed)}
    last = LAST_EVENT + timedelta(days=20 * seed)
    return release(profile, name, **tables, events=event_rows(seed, last))


def serve(profile: Profile, run: str = TRAINED) -> None:
    """Say that the models of a run are served, as the manifest does."""
    write_json(profile.model_repository / "manifest.json", {"run": run, "release": run})


def export(profile: Profile, run: str) -> None:
    """Lay the models of a run where those lie that can be published."""
    write_json(profile.models / run / "export" / "manifest.json", {"run": run, "release": run})


def changed(rows: Rows, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Rows:
    """Return rows with a change each."""
    return [{**row, **change(row)} for row in rows]


def watch(profile: Profile, run: str = "monday", **params: Any) -> JobResult:
    """Run the job on what is released."""
    return job.run(JobRun(profile=profile, run_id=run, params=params))


def verdicts(profile: Profile, run: str = "monday") -> dict[str, str]:
    """Return what each measure of a run came to, by kind, name and part."""
    return {" ".join(filter(None, (row["kind"], row["name"], row["part"]))): row["verdict"] for row in read_run(profile, run)}


def alarms(profile: Profile, run: str = "monday") -> dict[str, str]:
    """Return what is neither fine nor too little."""
    return {name: verdict for name, verdict in verdicts(profile, run).items() if verdict in ("ticket", "retrain")}


def write_feedback(profile: Profile, *parts: Sequence[dict[str, Any]]) -> None:
    """Add feedback to the lake."""
    answers.write(profile, [row for part in parts for row in part])
