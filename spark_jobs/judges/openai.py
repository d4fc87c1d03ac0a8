"""A judge behind any OpenAI-compatible endpoint (vLLM, a hosted model): JSON answers, bounded concurrency, retries, a time limit."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ConfigError
from spark_jobs.judges.base import ItemPair, JudgeFailed, Verdict
from spark_jobs.judges.budget import Price
from spark_jobs.judges.prompt import Prompt, load_prompt

MAX_ANSWER_TOKENS = 100
MAX_ANSWER_BYTES = 1 << 20
BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
SUM_TOLERANCE = 0.05
NONSENSE_SHARE, NONSENSE_COUNT = 0.2, 3
"""Share of the answers, or number, that may make no sense before the judge is given up: the pairs of the others stay undecided."""
NONSENSE = "the answer makes no sense"
QUOTED = 200
"""Characters of an answer that makes no sense which are kept."""


class _BusyError(Exception):
    """The endpoint may answer if it is asked again."""


class NonsenseError(Exception):
    """An answer came, was paid for, and makes no sense."""


@dataclass(frozen=True)
class OpenAIJudge:
    """One question a request; ``timeout_s`` bounds a whole request, ``attempts`` how often one is tried."""

    endpoint: str
    model: str
    api_key: str = field(default="", repr=False)
    concurrency: int = 8
    timeout_s: float = 60.0
    attempts: int = 5
    backoff_s: float = 0.5
    price: Price = field(default_factory=Price)
    name: str = "openai"
    chunk: int = 500
    both_ways: bool = True

    def __post_init__(self) -> None:
        """Refuse an endpoint that is no web address."""
        if not self.endpoint.startswith(("http://", "https://")):
            raise ConfigError(f"judge.endpoint {self.endpoint!r} is no web address", "for example http://127.0.0.1:8000/v1")

    @cached_property
    def prompt(self) -> Prompt:
        """The question, which asks for JSON."""
        return load_prompt("relation_json_v1")

    @property
    def prompt_version(self) -> str:
        """The prompt file's version."""
        return self.prompt.version

    @property
    def revision(self) -> str:
        """The remote model's name: all that an endpoint tells."""
        return self.model

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        """Return one verdict a pair, in order; a pair whose answer makes no sense stays undecided, so that one such pair stops nothing.

        After a failure, or too much nonsense, nothing more is asked, and ``JudgeFailed`` carries what was paid.
        """
        with ThreadPoolExecutor(self.concurrency) as pool:
            asked: list[Future[Verdict]] = [pool.submit(self._ask, pair) for pair in pairs]
            failure = _first_failure(asked)
            if failure:
                pool.shutdown(cancel_futures=True)
        if failure:
            raise JudgeFailed(failure.what, failure.remedy, [_paid(future) for future in asked])
        return [future.result() for future in asked]

    def most(self, question_bytes: int, /) -> tuple[int, float]:
        """Return what a question and the longest answer come to, if it is answered the first time."""
        read = self.prompt.most_tokens(question_bytes)
        return read + MAX_ANSWER_TOKENS, self.price.of(read, MAX_ANSWER_TOKENS)

    def _ask(self, pair: ItemPair) -> Verdict:
        question = self.prompt.fill(pair)
        for attempt in range(self.attempts):
            started = time.perf_counter()
            try:
                body = self._complete(question)
                return replace(_verdict(body, self.model), seconds=time.perf_counter() - started, **self._usage(body))
            except _BusyError as busy:
                reason = str(busy)
            if attempt + 1 < self.attempts:
                time.sleep(self.backoff_s * 2**attempt)
        raise JudgeFailed(
            f"judge {self.endpoint} gave no answer in {self.attempts} attempts: {reason}",
            "see that the endpoint is up, then run the job again: verdicts already given are kept",
        )

    def _complete(self, question: str) -> str:
        """Return the body of one answer. Raises ``_BusyError`` for what may pass and ``JudgeFailed`` for a refusal."""
        request = self._request(question)
        deadline = time.monotonic() + self.timeout_s
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310 - the scheme is checked above
                return _read_until(answer, deadline)
        except urllib.error.HTTPError as error:
            if error.code in BUSY:
                raise _BusyError(f"HTTP {error.code}") from error
            raise JudgeFailed(f"judge {self.endpoint} refuses: HTTP {error.code} {error.reason}", "check judge.model and judge.api_key") from error
        except (OSError, http.client.HTTPException) as error:
            raise _BusyError(f"{type(error).__name__}: {error}") from error

    def _usage(self, body: str) -> dict[str, Any]:
        """Return the tokens and the money that the endpoint counts for an answer; nothing where it does not say."""
        usage = _usage_in(body)
        read, written = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
        if not isinstance(read, int) or not isinstance(written, int):
            return {}
        return {"tokens": read + written, "cost": self.price.of(read, written)}

    def _request(self, question: str) -> urllib.request.Request:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": MAX_ANSWER_TOKENS,
            "response_format": {"type": "json_object"},
        }
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.api_key}"} if self.api_key else {})
        url = f"{self.endpoint.rstrip('/')}/chat/completions"
        return urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - the scheme is checked above


def _read_until(answer: http.client.HTTPResponse, deadline: float) -> str:
    """Read a body that may trickle: the time limit holds for the whole, not for each byte."""
    body = b""
    while block := answer.read1(65_536):
        body += block
        if time.monotonic() > deadline:
            raise _BusyError("the time limit passed while the answer came in")
        if len(body) > MAX_ANSWER_BYTES:
            raise _BusyError("the answer does not end")
    return body.decode("utf-8", errors="replace")


def _first_failure(asked: Sequence[Future[Verdict]]) -> JudgeFailed | None:
    """Return why to stop, as soon as there is a reason; None where all is answered."""
    nonsense = 0
    for answered, future in enumerate(as_completed(asked), start=1):
        error = future.exception()
        if isinstance(error, JudgeFailed):
            return error
        if error is None and _is_nonsense(future.result()):
            nonsense += 1
            if nonsense > max(NONSENSE_COUNT, NONSENSE_SHARE * answered):
                what = f"{nonsense} of the judge's {answered} answers make no sense; the last: {future.result().reason}"
                return JudgeFailed(what, "use a model that follows the prompt, or choose judge.kind: rules")
    return None


def _is_nonsense(verdict: Verdict) -> bool:
    return verdict.reason.startswith(NONSENSE)


def _paid(future: Future[Verdict]) -> Verdict | None:
    """Return the verdict of an answer that made sense: a judge that was given up keeps no other."""
    if future.cancelled() or future.exception():
        return None
    return None if _is_nonsense(future.result()) else future.result()


def _usage_in(body: str) -> dict[str, Any]:
    try:
        usage = json.loads(body)["usage"]
    except (ValueError, KeyError, TypeError):
        return {}
    return usage if isinstance(usage, dict) else {}


def _verdict(body: str, model: str) -> Verdict:
    """Return the verdict of an answer; where it makes no sense, one that decides nothing and quotes it."""
    try:
        return parse_verdict(body, model)
    except NonsenseError as nonsense:
        return Verdict.undecided(f"{NONSENSE} ({nonsense}): {body[:QUOTED]!r}")


def parse_verdict(body: str, model: str) -> Verdict:
    """Return the verdict in a chat completion's body. Raises ``NonsenseError`` that says what is wrong with it."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
        chances = [_probability(json.loads(content)[label]) for label in LABELS]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NonsenseError(repr(error)) from error
    total = sum(chances)
    if abs(total - 1) > SUM_TOLERANCE:
        raise NonsenseError(f"the probabilities sum to {total:g}")
    substitute, complement, neither = (chance / total for chance in chances)
    label = LABELS[chances.index(max(chances))]
    return Verdict(p_substitute=substitute, p_complement=complement, p_neither=neither, reason=f"{model} says {label}")


def _probability(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no probability")
    return float(value)
