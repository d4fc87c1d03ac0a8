"""The mark by which an online store is known again: one that was emptied, or exchanged for another, has none or another one."""

from datetime import UTC, datetime, timedelta

import pandas as pd
from feast import FeatureStore, FeatureView, Field, FileSource
from feast.types import String

from feature_repo.entities import ITEM
from goeswith.profile import Profile

VIEW, FEATURE = "store_mark", "mark"
NO_ITEM = ""
"""The view's one row is about no item."""


def build_mark_view(profile: Profile) -> FeatureView:
    """Return the view of the mark. Nothing is materialised from its source: Feast wants a view to have one."""
    source = FileSource(name=f"{VIEW}_source", path=str(profile.features / f"{VIEW}.parquet"), timestamp_field="known_at")
    schema = [Field(name="item_id", dtype=String), Field(name=FEATURE, dtype=String)]
    return FeatureView(name=VIEW, entities=[ITEM], ttl=timedelta(0), schema=schema, source=source, description="by which this store is known again")


def read_mark(store: FeatureStore) -> str | None:
    """Return the mark of the online store, None where it has none."""
    found: str | None = store.get_online_features([f"{VIEW}:{FEATURE}"], [{"item_id": NO_ITEM}]).to_dict()[FEATURE][0]
    return found


def write_mark(store: FeatureStore, mark: str) -> None:
    """Mark the online store."""
    store.write_to_online_store(VIEW, df=pd.DataFrame({"item_id": [NO_ITEM], FEATURE: [mark], "known_at": [datetime.now(UTC)]}))
