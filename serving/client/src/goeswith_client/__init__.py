"""Thin client of goeswith: substitutes, complements and bundles with their evidence, from Feast and Triton."""

from goeswith_client.aio import AsyncClient
from goeswith_client.answers import Answer, Evidence, Explanation, Health, Item, Listed, PairScore, RankedItem, Scored, Scores, Trial, Versions
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
    RerankerFailed,
    RulesUnavailable,
    UnknownItem,
)
from goeswith_client.events import Click, Exposure, Purchase
from goeswith_client.features import Features, Neighbour, Neighbours, State
from goeswith_client.filters import Filters
from goeswith_client.ranking import Ranking
from goeswith_client.rerank import Chained, Mmr, PriceBand, Reranker, Weighted
from goeswith_client.rulebook import Rulebook
from goeswith_client.rules import Rule

__all__ = [
    "Answer",
    "AsyncClient",
    "Chained",
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
    "Mmr",
    "ModelRefused",
    "ModelUnavailable",
    "Neighbour",
    "Neighbours",
    "PairScore",
    "PriceBand",
    "Purchase",
    "RankedItem",
    "Ranking",
    "Reranker",
    "RerankerFailed",
    "Rule",
    "Rulebook",
    "RulesUnavailable",
    "Scored",
    "Scores",
    "State",
    "Tls",
    "Trial",
    "UnknownItem",
    "Versions",
    "Weighted",
]
