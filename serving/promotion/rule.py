"""What keeps a challenger back that is no worse: a gate that did not pass, or answers that take too long. Pure."""

from collections.abc import Iterator, Sequence

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT
from goeswith.promotions import Decision, Latency, Promotion


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Limits:
    """A model's golden requests may take ``slower`` times as long as the champion's, and ``slack_ms`` more; medians of ``repeats`` rounds."""

    slower: float = Field(default=1.5, ge=1)
    slack_ms: float = Field(default=5.0, ge=0)
    repeats: int = Field(default=20, ge=1)


def find_slow(latency: Sequence[Latency], limits: Limits) -> Iterator[str]:
    """Yield a sentence for each model that is over its limit."""
    for each in latency:
        most = limits.slower * each.champion_ms + limits.slack_ms
        if each.challenger_ms > most:
            yield f"{each.model} takes {each.challenger_ms:.1f} ms, the champion {each.champion_ms:.1f} ms, at most {most:.1f} ms"


def decide(found: Promotion, faults: Sequence[str], *, ask: bool) -> tuple[Decision, str]:
    """Return the decision on a challenger that is no worse, and why; with ``ask`` a person has the last word, who may have spoken before."""
    if faults:
        return "kept back", "; ".join(faults)
    if found.approval:
        return found.decision, found.reason
    return ("undecided", f"awaits approval; {found.compared.why}") if ask else ("promoted", found.compared.why)
