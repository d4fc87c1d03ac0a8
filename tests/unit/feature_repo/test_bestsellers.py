"""What sells best: pieces that were bought and kept."""

from typing import Any

from feature_repo.bestsellers import build_bestsellers
from goeswith.profile import Profile
from tests.tiny_shop import EPOCH, write_rows


def event(name: str, item: str, quantity: int, kind: str = "purchase") -> dict[str, Any]:
    return {"event_id": name, "basket_id": "b", "item_id": item, "kind": kind, "quantity": quantity}


def test_returned_pieces_were_not_sold_and_cancelled_ones_neither(profile: Profile) -> None:
    items = [{"item_id": name, "category": ["pots"], "available": True, "known_at": EPOCH} for name in ("pan", "pot", "lid", "wok")]
    events = [event("1", "pan", 3), event("2", "pan", 2, "return"), event("3", "pot", 2), event("4", "lid", 1), event("5", "lid", 1, "return")]
    events += [event("6", "wok", 0), event("7", "wok", 9, "view")]
    versions = {"items": write_rows(profile, "items", items), "events": write_rows(profile, "events", events)}
    assert build_bestsellers(profile, **versions) == {"": ["pot", "pan"], "pots": ["pot", "pan"]}
