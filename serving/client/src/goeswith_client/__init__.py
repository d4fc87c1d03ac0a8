"""Thin client of goeswith: substitutes, complements and bundles with their evidence, from Feast and Triton."""

from goeswith_client.aio import AsyncClient
from goeswith_client.answers import Answer, Evidence, Explanation, Health, Item, Listed, RankedItem, Trial, Versions
from goeswith_client.client import Client
from goeswith_client.config import ClientConfig, Tls
from goeswith_client.errors import (
    ClientError,
    DeadlineExceeded,
    FeaturesUnavailable,
    FreshnessError,
    InvalidRequest,
    ModelRefused,
    ModelUnavailable,
    UnknownItem,
)
from goeswith_client.events import Click, Exposure, Purchase
from goeswith_client.features import Features, Neighbour, Neighbours, State
from goeswith_client.filters import Filters

__all__ = [
    "Answer",
    "AsyncClient",
    "Click",
    "Client",
    "ClientConfig",
    "ClientError",
    "DeadlineExceeded",
    "Evidence",
    "Explanation",
    "Exposure",
    "Features",
    "FeaturesUnavailable",
    "Filters",
    "FreshnessError",
    "Health",
    "InvalidRequest",
    "Item",
    "Listed",
    "ModelRefused",
    "ModelUnavailable",
    "Neighbour",
    "Neighbours",
    "Purchase",
    "RankedItem",
    "State",
    "Tls",
    "Trial",
    "UnknownItem",
    "Versions",
]
