"""What the tiny shop needs beside ``write_tiny_lake`` for Feast, the client and the gateway to have something to read."""

from datetime import UTC, datetime
from typing import Any

from goeswith import releases
from goeswith.profile import Profile
from tests.tiny_shop import EPOCH, RUN, item_rows, relation_rows, write_rows, write_tiny_lake

JUDGED = datetime(2025, 6, 1, tzinfo=UTC)


def neighbour_rows(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the planted relations as precomputed neighbours; an item without any has an empty list."""
    lists: dict[tuple[str, str], list[str]] = {(kind, item["item_id"]): [] for kind in ("substitute", "complement") for item in items}
    for edge in relation_rows(items, "full"):
        lists[edge["type"], edge["src"]].append(edge["dst"])
    common = {"threshold": 0.75, "model_version": RUN, "release": RUN, "known_at": EPOCH}
    return [
        {"type": kind, "item_id": item, "neighbours": [_neighbour(*n) for n in enumerate(found)], **common} for (kind, item), found in lists.items()
    ]


def _neighbour(place: int, item_id: str) -> dict[str, Any]:
    return {"item_id": item_id, "score": 0.9 - 0.1 * place, "source": "behaviour", "reason": "bought together 5 times, lift 4.0"}


def pair_rows(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return co_purchase counts behind the complements, both graphs."""
    counted = {"relation": "co_purchase", "n": 5, "n_src": 6, "n_dst": 6, "n_total": 30, "npmi": 0.5, "lift": 4.0, "known_at": EPOCH}
    edges = [edge for edge in relation_rows(items, "full") if edge["type"] == "complement"]
    pairs = {tuple(sorted((edge["src"], edge["dst"]))) for edge in edges}
    return [{"graph": graph, "src": src, "dst": dst, **counted} for graph in ("evaluation", "full") for src, dst in sorted(pairs)]


def verdict_rows(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return two verdicts of the rules on each complement: the later prompt counts."""
    rows = []
    for edge in relation_rows(items, "full"):
        if edge["type"] == "complement":
            for day, prompt in ((1, "old"), (2, "new")):
                judged = {"p_substitute": 0.05, "p_complement": 0.4 * day, "p_neither": 0.95 - 0.4 * day, "judged_at": JUDGED.replace(day=day)}
                named = {"judge": "rules", "prompt_hash": prompt, "model_revision": "1", "reason": "categories", "known_at": EPOCH}
                rows.append({"src": edge["src"], "dst": edge["dst"], **named, **judged})
    return rows


def write_tiny_features(profile: Profile, run: str = RUN) -> dict[str, int]:
    """Write the tiny lake with neighbours, pairs and verdicts, release it, and return the versions."""
    versions = write_tiny_lake(profile, run)
    items = item_rows(profile)
    more = {"item_neighbours": neighbour_rows(items), "item_pairs": pair_rows(items), "edge_verdicts": verdict_rows(items)}
    versions |= {name: write_rows(profile, name, rows) for name, rows in more.items()}
    releases.write_release(profile, f"{run}-features", versions)
    return versions
