"""The shop's tables as rows of text, before any dirt: what items.csv, events.csv and bundles.csv hold."""

from datetime import datetime, timedelta

import numpy as np

from spark_jobs.sources.shop.behaviour import DAYS, START, Event
from spark_jobs.sources.shop.bundles import Bundle
from spark_jobs.sources.shop.latent import Items
from spark_jobs.sources.shop.texts import write_texts
from spark_jobs.sources.shop.world import CATEGORIES

Row = dict[str, str]

GUEST_SHARE = 0.05
"""Share of the baskets without a user."""
SALE_SHARE = 0.15
SOLD_OUT_SHARE = 0.05
NEW_DAYS = 30
"""Items without events were listed in the last days."""


def item_rows(items: Items, seed: int) -> list[Row]:
    """Return a row an item, in no telling order (items are numbered at random). No hidden style stands in it but in words."""
    rng = np.random.default_rng([seed, 10])
    texts = write_texts(items, seed)
    ids = items.item_id
    rows = []
    for i, text in enumerate(texts):
        category, parent = CATEGORIES[items.category[i]], items.variant_of[i]
        day = DAYS - int(rng.integers(1, NEW_DAYS)) if items.is_new[i] else -int(rng.integers(1, 400))
        row = {"item_id": ids[i], "title": text.title, "description": text.description, "brand": items.brand[i]}
        row |= {"department": category.department, "category": category.name, "price": f"{items.price[i]:.2f}", "currency": "EUR"}
        row |= {"image": f"{ids[i]}.png", "in_stock": "false" if rng.random() < SOLD_OUT_SHARE else "true"}
        row |= {"variant_of": ids[parent] if parent != i else "", "listed_at": _text_of(START + timedelta(days=day))}
        rows.append({name: str(value) for name, value in row.items()} | {"material": text.material, "size": text.size})
    return rows


def event_rows(items: Items, events: list[Event], seed: int) -> list[Row]:
    """Return a row an event, in the order of time; some baskets have no user, some purchases a lower price."""
    rng = np.random.default_rng([seed, 11])
    guests = {basket for basket in dict.fromkeys(event.basket for event in events) if rng.random() < GUEST_SHARE}
    rows = []
    for event in sorted(events, key=lambda e: (e.at, e.basket, e.item)):
        factor = 0.8 if rng.random() < SALE_SHARE else 1.0
        price = f"{items.price[event.item] * factor:.2f}" if event.kind == "purchase" else ""
        user = "" if event.basket in guests else f"user{event.user:05d}"
        row = {"basket_id": event.basket, "user": user, "item_id": str(items.item_id[event.item]), "kind": event.kind}
        rows.append(row | {"quantity": "1", "price": price, "happened_at": _text_of(event.at)})
    return rows


def bundle_rows(items: Items, bundles: list[Bundle]) -> list[Row]:
    """Return a row an item of each shown bundle."""
    return [{"bundle_id": b.bundle_id, "item_id": str(items.item_id[i]), "author": b.author, "title": b.title} for b in bundles for i in b.chosen]


def _text_of(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
