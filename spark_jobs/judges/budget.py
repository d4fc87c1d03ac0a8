"""What judging may cost in one run, in tokens and in money: known before a question is asked, counted after its answer."""

from dataclasses import dataclass

from goeswith.errors import ConfigError
from goeswith.settings import JudgeSettings

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money for a million tokens that are read, and that are written."""

    read: float = 0.0
    written: float = 0.0

    def of(self, read: int, written: int) -> float:
        """Return what an answer costs."""
        return (read * self.read + written * self.written) / MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left to spend; None where there is no bound."""

    tokens: int | None
    cost: float | None

    @property
    def bounded(self) -> bool:
        """Whether anything is."""
        return self.tokens is not None or self.cost is not None

    def less(self, tokens: int, cost: float) -> "Budget":
        """Return what is left after some was spent."""
        return Budget(tokens=None if self.tokens is None else self.tokens - tokens, cost=None if self.cost is None else self.cost - cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Questions that were answered, and what that came to: where nobody counted, the most that it may be."""

    judged: int = 0
    tokens: int = 0
    cost: float = 0.0


class Purse:
    """What one run may spend, and has."""

    def __init__(self, budget: Budget) -> None:
        self.left, self.spent = budget, Spent()

    def pay(self, paid: Spent) -> None:
        """Take what some answers came to off what is left."""
        self.left, spent = self.left.less(paid.tokens, paid.cost), self.spent
        self.spent = Spent(judged=spent.judged + paid.judged, tokens=spent.tokens + paid.tokens, cost=spent.cost + paid.cost)


def build_budget(settings: JudgeSettings) -> Budget:
    """Return the budget of one run. Raises ``ConfigError`` for a budget of money without prices."""
    if settings.max_cost is not None and not (settings.price_read or settings.price_written):
        raise ConfigError("judge.max_cost bounds money, and no price is known", "set judge.price_read and judge.price_written, for a million tokens")
    return Budget(tokens=settings.max_tokens, cost=settings.max_cost)
