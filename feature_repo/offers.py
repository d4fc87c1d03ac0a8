"""Prices and stock as the shop pushes them, between releases: the view ``item_offers``, which the gateway writes and the client reads."""

from feast import FeatureView
from feast.types import Bool, Float64, String

from feature_repo.unsourced import build_unsourced_view
from goeswith.profile import Profile

FEATURES = {"price": Float64, "currency": String, "priced_at": Float64, "available": Bool, "stocked_at": Float64}
"""Times in seconds since 1970: price and stock are pushed together or apart, and each holds until a release that was made after it."""


def build_offers_view(profile: Profile) -> FeatureView:
    """Return the view of what was pushed."""
    return build_unsourced_view(profile, "item_offers", FEATURES, "prices and stock that were pushed since the release")
