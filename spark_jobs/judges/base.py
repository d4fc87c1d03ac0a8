"""What a judge is asked and what it answers (MMSC, language-model-cleaned supervision)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ModelUnavailable
from goeswith.pair_judge.item import Item

UNDECIDED = "undecided"
"""What a verdict says whose greatest chance two labels share, as one that abstains."""


@dataclass(frozen=True, slots=True)
class ItemPair:
    """The question whether ``dst`` is bought instead of ``src``, or with it."""

    src: Item
    dst: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Three probabilities that sum to one, in a few words what they rest on, and what they cost: nulls where a judge does not count that."""

    p_substitute: float
    p_complement: float
    p_neither: float
    reason: str
    seconds: float | None = None
    tokens: int | None = None
    cost: float | None = None
    """In the currency of the settings' prices."""

    @classmethod
    def undecided(cls, reason: str) -> "Verdict":
        """Return the verdict that says nothing: it neither moves nor drops an edge, and is not asked for again."""
        return cls(p_substitute=1 / 3, p_complement=1 / 3, p_neither=1 / 3, reason=reason)

    @property
    def label(self) -> str:
        """The likeliest of ``LABELS``, or ``UNDECIDED``."""
        chances = (self.p_substitute, self.p_complement, self.p_neither)
        return LABELS[chances.index(max(chances))] if chances.count(max(chances)) == 1 else UNDECIDED


class Judge(Protocol):
    """Anything that gives verdicts on pairs.

    A verdict is cached by ``name``, ``prompt_version``, ``revision`` and both items' texts. ``chunk`` is how many pairs are
    judged between two commits: what a crash may cost.
    """

    @property
    def name(self) -> str:
        """One of the catalogue's judges."""

    @property
    def revision(self) -> str:
        """Which weights, remote model or rule set."""

    @property
    def prompt_version(self) -> str:
        """Which question is put; it changes with every change of the prompt's text."""

    @property
    def chunk(self) -> int:
        """Pairs between two commits."""

    @property
    def both_ways(self) -> bool:
        """Whether an answer may depend on which item is named first: such a judge is asked both ways round."""

    def most(self, question_bytes: int, /) -> tuple[int, float]:
        """Return the most tokens and money that a question about items of so many bytes may cost."""

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        """Return one verdict a pair, in order. Raises ``JudgeFailed`` that carries the verdicts already given."""


class JudgeFailed(ModelUnavailable):
    """A judge did not answer, or answered nonsense. ``paid`` holds, pair by pair, the verdicts that it had given, else None."""

    def __init__(self, what: str, remedy: str, paid: Sequence[Verdict | None] = ()) -> None:
        super().__init__(what, remedy)
        self.paid = tuple(paid)
