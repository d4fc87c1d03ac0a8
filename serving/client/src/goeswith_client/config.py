"""What a client is told once: where things answer, and how long it waits."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from goeswith_client import limits


class Tls(BaseModel):
    """Files (PEM) with which to reach Triton over TLS: who must have signed its certificate and, for mutual TLS, what the client shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_certificates: Path
    private_key: Path | None = None
    certificate_chain: Path | None = None


class ClientConfig(BaseModel):
    """Settings of a ``Client``. ``features`` is the folder with Feast's settings file; ``manifest`` names the model version.

    Without it Triton answers with the newest version that it holds, a canary included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: Path | None = None
    manifest: Path | None = None
    triton: str = "127.0.0.1:8701"
    tls: Tls | None = None
    """None: in plain text, for a Triton on the same machine."""
    deadline_s: float = Field(default=limits.DEADLINE_S, gt=0)
    hedge_after_s: float | None = Field(default=None, gt=0)
    """A model that has not answered after so long is asked a second time, and the first answer counts; None: never. Take the p95 of your answers."""
    hedge_to: str = ""
    """The Triton that is asked then; '': the same, which helps where several stand behind one name."""
    retries: int = Field(default=limits.RETRIES, ge=0, le=10)
    breaker_failures: int = Field(default=limits.BREAKER_FAILURES, ge=1)
    breaker_reset_s: float = Field(default=limits.BREAKER_RESET_S, ge=0)
    values: Path | None = None
    """The folder with the shop's own values, one file NAME.jsonl each, that ``Ranking(rank_by=NAME)`` goes by."""
    last_good_s: float = Field(default=limits.LAST_GOOD_S, ge=0)
    """While the online store is away, what was read from it so recently is answered with, and the answer's ``notes`` say so. 0: errors at once."""
    max_age: timedelta = limits.MAX_AGE
    """Released features older than this are not served: ``FreshnessError``."""
