"""Views of what only the online store holds: nothing is materialised into them, and Feast wants a view to have a source all the same."""

from collections.abc import Mapping
from datetime import timedelta

from feast import FeatureView, Field, FileSource
from feast.types import FeastType, String

from feature_repo.entities import ITEM
from goeswith.profile import Profile


def build_unsourced_view(profile: Profile, name: str, features: Mapping[str, FeastType], description: str) -> FeatureView:
    """Return the view, by item."""
    source = FileSource(name=f"{name}_source", path=str(profile.features / f"{name}.parquet"), timestamp_field="known_at")
    schema = [Field(name="item_id", dtype=String), *(Field(name=feature, dtype=kind) for feature, kind in features.items())]
    return FeatureView(name=name, entities=[ITEM], ttl=timedelta(0), schema=schema, source=source, description=description)
