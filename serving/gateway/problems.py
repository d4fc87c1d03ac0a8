"""The client's errors as HTTP answers."""

from collections.abc import Sequence

from goeswith_client import (
    ClientError,
    DeadlineExceeded,
    FeaturesUnavailable,
    FreshnessError,
    InvalidRequest,
    ModelRefused,
    ModelUnavailable,
    UnknownItem,
)
from serving.gateway.bodies import Problem

_STATUS: dict[type[ClientError], int] = {
    UnknownItem: 404,
    InvalidRequest: 422,
    ModelRefused: 422,
    FreshnessError: 503,
    FeaturesUnavailable: 503,
    ModelUnavailable: 503,
    DeadlineExceeded: 504,
}


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an error."""
    return _STATUS[type(error)]


def problem_of(error: ClientError, nearest: Sequence[str] = ()) -> Problem:
    """Return an error as the gateway's JSON."""
    remedy = f"did you mean {', '.join(nearest)}?" if nearest else error.remedy
    return Problem(error=type(error).__name__, what=error.what, remedy=remedy, nearest=tuple(nearest))
