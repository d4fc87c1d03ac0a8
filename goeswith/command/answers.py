"""Questions that show what a finished run can answer: asked to the running gateway, as any shop would."""

import base64
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from goeswith import lake
from goeswith.command.asker import Asker
from goeswith.command.asking import build_asker
from goeswith.errors import DataContractError
from goeswith.pictures import read_picture
from goeswith.profile import Profile
from goeswith.releases import Release, read_release

SAMPLES = 4
K = 6
Item = Mapping[str, Any]


def ask_one_of_each(profile: Profile) -> dict[str, Any]:
    """Return answers of each kind: the first one by kind, and a few more under 'samples'."""
    release, asker = read_release(profile), build_asker(profile, local=False)
    items = read_items(profile, release)
    chosen = choose_items(profile, release, items)
    samples = [_related(asker, kind, items[item]) for item in chosen for kind in ("substitutes", "complements")]
    samples += [_bundle(asker, [items[item], *_first_item(samples, item, items)]) for item in chosen[:2]]
    samples += [_new(asker, profile, items[item]) for item in choose_new(profile, release, items)]
    first = {kind: next((s for s in samples if s["kind"] == kind), None) for kind in ("substitutes", "complements", "bundle", "new")}
    return {**first, "samples": samples, "explain": _explain(asker, samples)}


def read_items(profile: Profile, release: Release) -> dict[str, Item]:
    """Return what the shop says of each item, by id."""
    columns = ("item_id", "title", "description", "brand", "category", "price", "image")
    return {row["item_id"]: row for row in lake.read_table(profile, "items", version=release.version_of("items"), columns=columns).to_pylist()}


def choose_items(profile: Profile, release: Release, items: Mapping[str, Item]) -> list[str]:
    """Return well-connected items with pictures (where there are any), each from another category; the same ones every time."""
    degrees = _degrees(profile, release)
    ranked = sorted(items, key=lambda item: (items[item]["image"] is None, -degrees[item], item))
    chosen: dict[str, str] = {}
    for item in ranked:
        chosen.setdefault(" > ".join(items[item]["category"] or ())[:80], item)
        if len(chosen) == SAMPLES:
            break
    return list(chosen.values())


def choose_new(profile: Profile, release: Release, items: Mapping[str, Item]) -> list[str]:
    """Return items that new ones are made like: such as nobody has bought or viewed yet, where there are any.

    None where the shop shows neither text nor picture: then there is nothing to ask with.
    """
    degrees = _degrees(profile, release)
    shown = [item for item, row in items.items() if any(row[name] for name in ("title", "description", "brand", "category", "image"))]
    return sorted(shown, key=lambda item: (items[item]["image"] is None, degrees[item], item))[:2]


def _degrees(profile: Profile, release: Release) -> Counter[str]:
    if "relations" not in release.versions:
        return Counter()
    rows = lake.read_table(profile, "relations", version=release.version_of("relations"), columns=("src",), where={"graph": "full"})
    counts = rows.group_by("src").aggregate([([], "count_all")])
    return Counter(dict(zip(counts["src"].to_pylist(), counts["count_all"].to_pylist(), strict=True)))


def _related(asker: Asker, kind: str, item: Item) -> dict[str, Any]:
    return _sample(kind, item["item_id"], [item], asker.related(kind, item["item_id"], K, {}))


def _bundle(asker: Asker, given: list[Item]) -> dict[str, Any]:
    ids = [item["item_id"] for item in given]
    return _sample("bundle", ", ".join(ids), given, asker.bundle(ids, K, {}))


def _new(asker: Asker, profile: Profile, item: Item) -> dict[str, Any]:
    """Ask about an item that the shop does not have: one without a brand, made like ``item``, which is no answer then."""
    asked = {**item, "item_id": "new item", "title": unbranded(item["title"] or "", item["brand"] or "")}
    body = {
        "title": asked["title"],
        "category": " > ".join(item["category"] or ()),
        "image": _picture(profile, item),
        "type": "complement",
        "k": K + 1,
    }
    answer = asker.new(body)
    others = [found for found in answer["items"] if found["item_id"] != item["item_id"]][:K]
    return _sample("new", f"complements of a new item: {asked['title'] or 'without a title'}", [asked], {**answer, "items": others})


def unbranded(title: str, brand: str) -> str:
    """Return a title less the brand's name and less the numbers behind it; as it is where nothing would be left."""
    plain = re.sub(r"\s+", " ", re.sub(r"\b\d+\b", "", title.replace(brand, "") if brand else title)).strip(" -,")
    return plain or title


def _picture(profile: Profile, item: Item) -> str:
    try:
        return base64.b64encode(read_picture(profile.pictures, item["image"])).decode() if item["image"] else ""
    except DataContractError:
        return ""


def _first_item(samples: list[dict[str, Any]], item: str, items: Mapping[str, Item]) -> list[Item]:
    found: list[Item] = next((s["items"] for s in samples if s["kind"] == "complements" and s["question"] == item), [])
    return [items[found[0]["item_id"]]] if found else []


def _explain(asker: Asker, samples: list[dict[str, Any]]) -> dict[str, Any] | None:
    for sample in samples:
        if sample["kind"] == "complements" and sample["items"]:
            a, b = sample["question"], sample["items"][0]["item_id"]
            return {"a": a, "b": b, "evidence": asker.explain(a, b)}
    return None


def _sample(kind: str, question: str, given: list[Item], answer: Mapping[str, Any]) -> dict[str, Any]:
    shown = [{name: item[name] for name in ("item_id", "title", "price", "image")} | {"score": None, "reason": ""} for item in given]
    said = {"source": answer["source"], "model_version": answer["versions"]["model_version"], "notes": answer["notes"]}
    return {"kind": kind, "question": question, "given": shown, "items": answer["items"], **said}
