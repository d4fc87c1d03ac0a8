"""What goes wrong as HTTP answers: the client's errors, and what no route or no layer in front of them takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from goeswith_client import (
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
from serving.gateway.bodies import Problem
from serving.gateway.seen import REQUEST_ID, current

_STATUS: dict[type[ClientError], int] = {
    UnknownItem: 404,
    InvalidRequest: 422,
    ModelRefused: 422,
    FreshnessError: 503,
    FeaturesUnavailable: 503,
    RulesUnavailable: 503,
    RerankerFailed: 500,
    ModelUnavailable: 503,
    DeadlineExceeded: 504,
}
_SHOWN_ERRORS = 5
_SHOWN_CHARS = 100

DECLARED: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (400, 401, 403, 404, 408, 413, 422, 429, 503, 504)}
"""What any question may be answered with instead of an answer."""


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an error."""
    return _STATUS[type(error)]


def problem_of(error: ClientError, nearest: Sequence[str] = ()) -> Problem:
    """Return an error as the gateway's JSON."""
    remedy = f"did you mean {', '.join(nearest)}?" if nearest else error.remedy
    return Problem(error=type(error).__name__, what=error.what, remedy=remedy, nearest=tuple(nearest), request_id=current().request_id)


def answer_problem(status: int, error: str, what: str, remedy: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem that no error of the client stands for, as an answer."""
    problem = Problem(error=error, what=what, remedy=remedy, request_id=current().request_id)
    return JSONResponse(problem.model_dump(), status, {REQUEST_ID: problem.request_id, **(headers or {})})


def answer_invalid(error: RequestValidationError) -> JSONResponse:
    """Return what is wrong with a request: the first few places, shortened, for both are the caller's to choose."""
    wrong = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors()[:_SHOWN_ERRORS])
    return answer_problem(422, "InvalidRequest", wrong, "see /docs for what is legal")


def _place(loc: Sequence[object]) -> str:
    text = ".".join(map(str, loc[1:]))[:_SHOWN_CHARS]
    return text.encode("utf-8", "backslashreplace").decode()
