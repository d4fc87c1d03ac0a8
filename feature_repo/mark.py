"""The mark by which an online store is known again: one that was emptied, or exchanged for another, has none or another one."""

from datetime import UTC, datetime

import pandas as pd
from feast import FeatureStore, FeatureView
from feast.types import String

from feature_repo.unsourced import build_unsourced_view
from goeswith.profile import Profile

VIEW, FEATURE = "store_mark", "mark"
NO_ITEM = ""
"""The view's one row is about no item."""


def build_mark_view(profile: Profile) -> FeatureView:
    """Return the view of the mark."""
    return build_unsourced_view(profile, VIEW, {FEATURE: String}, "by which this store is known again")


def read_mark(store: FeatureStore) -> str | None:
    """Return the mark of the online store, None where it has none."""
    found: str | None = store.get_online_features([f"{VIEW}:{FEATURE}"], [{"item_id": NO_ITEM}]).to_dict()[FEATURE][0]
    return found


def write_mark(store: FeatureStore, mark: str) -> None:
    """Mark the online store."""
    store.write_to_online_store(VIEW, df=pd.DataFrame({"item_id": [NO_ITEM], FEATURE: [mark], "known_at": [datetime.now(UTC)]}))
