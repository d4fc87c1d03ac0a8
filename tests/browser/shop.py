"""The tiny shop as the Explorer sees it: a real lake and real pictures, features from its rows, and models that answer by its plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from goeswith import releases
from goeswith.profile import Profile
from goeswith.results import Figure, write_figures
from goeswith_client import Evidence, Item, Neighbour, Neighbours, Rulebook, State
from goeswith_client.rules_file import RulesFile
from serving.rollout.manifest import Canary, Version, make_canary, make_current, write_published
from tests.tiny_client import DictFeatures, FakeModels, Ranker
from tests.tiny_features import neighbour_rows, write_tiny_features
from tests.tiny_shop import item_rows, relation_rows, write_rows

SEED = "racket-red-0"
HOSTILE = "hostile"
SCRIPT = "<script>alert(1)</script>"
LONG = "endless"
LONG_TITLE = "A racket whose title goes on " + "and on " * 40 + "x" * 300
PROMPT = "3f9a" * 16
OTHER = {"substitute": "racket", "complement": "balls"}
MORE = {"substitute": ("racket-blue-1", "racket-green-1"), "complement": ("balls-blue-1", "balls-green-1")}
"""With these the first racket's lists hold more than a page shows, so nobody has to ask the models."""
STRANGE = ((HOSTILE, SCRIPT), (LONG, LONG_TITLE))


class TinyFeatures(DictFeatures):
    """The features of the tiny shop, and of two items with strange titles beside its first racket."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], rules: Path) -> None:
        super().__init__(age=timedelta(hours=3), count=0)
        self._rules = RulesFile(rules)
        self.known = {row["item_id"]: to_item(row) for row in rows}
        self.best = {"": [row["item_id"] for row in rows[::7]]}
        self.held = [_evidence(edge) for edge in relation_rows(_plain(rows), "full")]
        for row in neighbour_rows(_plain(rows)):
            self.lists[row["type"], row["item_id"]] = Neighbours(tuple(_neighbours(row)), "tiny", "tiny-features")

    def rules(self) -> Rulebook:
        """Return the rules as the gateway's page left them."""
        return self._rules.read()

    def state(self) -> State:
        """Return the release with its tables."""
        return replace(super().state(), tables={"items": 3, "relations": 2})


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows if row["item_id"] not in dict(STRANGE)]


def _neighbours(row: Mapping[str, Any]) -> list[Neighbour]:
    found = [Neighbour(n["item_id"], n["score"], n["source"], n["reason"], True) for n in row["neighbours"]]
    more = [item_id for item_id, _ in STRANGE] + [f"{OTHER[row['type']]}-{colour}-0" for colour in ("blue", "green", "black", "white")]
    unsure = [
        Neighbour(item_id, 0.6 - place / 20, "content", "similar in content", False) for place, item_id in enumerate([*more, *MORE[row["type"]]])
    ]
    return found + unsure if row["item_id"] == SEED else found


def _evidence(edge: Mapping[str, Any]) -> Evidence:
    shown = {name: edge[name] for name in ("type", "src", "dst", "weight", "relation", "n", "npmi", "lift", "p_type")}
    return Evidence(**shown, judge="rules", prompt_hash=PROMPT)


def to_item(row: Mapping[str, Any]) -> Item:
    """Return an item of the client's from a row of the table ``items``."""
    shown = ("item_id", "title", "brand", "price", "currency", "image", "available", "variant_of")
    return Item(**{name: row[name] for name in shown}, category=tuple(row["category"]))


def rank_shop(rows: Sequence[Mapping[str, Any]]) -> Ranker:
    """Return a ranker of other categories' items for bundles, and of the shop in order for all else."""
    category = {row["item_id"]: row["category"] for row in rows}

    def ranker(model: str, values: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        given = values.get("given", [values.get("item_id", "")])
        taken = [category.get(item_id) for item_id in given] if model == "bundle" else []
        found = [item_id for item_id, path in category.items() if item_id not in given and path not in taken][: values["k"]]
        scores = [0.95 / (1 + place / 10) for place in range(len(found))]
        basis = {"new_item": "content", "bundle": "bundle"}.get(model, "behaviour")
        return {"item_ids": found, "scores": scores, "source": [basis] * len(found), "similar": [SEED]}

    return ranker


def shop_rows(profile: Profile) -> list[dict[str, Any]]:
    """Return the tiny shop's items and those with strange titles; one is out of stock, one has neither picture nor price."""
    rows = item_rows(profile)
    rows[1]["available"] = False
    for item_id, title in STRANGE:
        rows.append({**rows[0], "item_id": item_id, "title": title, "image": None, "price": None})
    return rows


def write_shop(profile: Profile) -> list[dict[str, Any]]:
    """Write and release the shop with a gate that warned, one that stopped, an evaluation's figures, models and a canary; return the items."""
    write_tiny_features(profile)
    rows = shop_rows(profile)
    releases.write_release(profile, "explorer", {"items": write_rows(profile, "items", rows)})
    write_rows(profile, "gate_results", [*_gate("items", "pass", [("has rows", True, "stop")]), *_gate("events", "stop", REFUSED)])
    write_figures(profile, "metrics", [_figure(model, value) for model, value in (("mmsc", 0.71), ("adamic-adar+content", 0.22))])
    _publish(profile)
    return rows


def _publish(profile: Profile) -> None:
    facts = {"release": "explorer", "made_from": "x", "models": (), "metrics": (), "feature_names": ()}
    first, second = (Version.model_validate({"version": number, "run": f"week-{number}", **facts}) for number in (1, 2))
    profile.model_repository.mkdir(parents=True)
    write_published(profile, make_canary(make_current(None, first), second, Canary(version=2, share=0.1), f"a new picture tower {SCRIPT}"))


REFUSED = [("price is at least 0", False, "stop"), ("basket_id is known", False, "warn"), ("has rows", True, "stop")]


def _gate(table: str, decision: str, outcomes: Sequence[tuple[str, bool, str]]) -> list[dict[str, Any]]:
    common = {"run": "tiny", "table": table, "version": 1, "decision": decision, "checked_at": datetime.now(UTC), "observed": None, "sample": None}
    return [{**common, "expectation": e, "success": held, "severity": s, "unexpected": None if held else 12} for e, held, s in outcomes]


def _figure(model: str, value: float) -> Figure:
    return Figure(task="substitutes", data="tiny", slice="all", model=model, metric="ndcg@10", value=value, low=value - 0.02, high=value + 0.02, n=60)


def models_of(rows: Sequence[Mapping[str, Any]]) -> FakeModels:
    """Return models that are there."""
    return FakeModels(rank_shop(rows))
