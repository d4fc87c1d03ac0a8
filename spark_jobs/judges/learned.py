"""The judge that a model of ours learned: from a language model's verdicts (``distilled``) or people's labels (``supervised``), run by numpy alone.

Where it is less sure than its recipe asks for, it abstains: three equal chances, by which no edge is moved or dropped, and a reason that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from goeswith.catalogue.graph import LABELS
from goeswith.errors import ConfigError
from goeswith.pair_judge.features import VERSION
from goeswith.pair_judge.model import Kind, PairModel, Recipe, load_model
from spark_jobs.judges.base import ItemPair, Verdict

ABSTAINED = "abstained"


@dataclass(frozen=True)
class LearnedJudge:
    """A folder that the job ``train_judge`` wrote, loaded when it is first asked."""

    folder: Path
    name: Kind
    prompt_version: str = VERSION
    chunk: int = 200_000
    both_ways: bool = True

    @property
    def revision(self) -> str:
        """The first 16 digits of the sha256 over recipe and weights."""
        return self._model.revision

    @cached_property
    def _model(self) -> PairModel:
        model = load_model(self.folder)
        if model.recipe.kind != self.name:
            raise ConfigError(f"the judge in {self.folder} is {model.recipe.kind}, not {self.name}", f"set judge.kind: {model.recipe.kind}")
        return model

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        """Return one verdict a pair, in order. The substitute's chance is the same in both orders, and so is whether it abstains."""
        answers = self._model.ask([(pair.src, pair.dst) for pair in pairs])
        told = zip(answers.chances.tolist(), answers.confidence.tolist(), strict=True)
        return [_verdict(chances, confidence, self._model.recipe) for chances, confidence in told]

    def most(self, _: int, /) -> tuple[int, float]:
        """Return nothing: it is free, whatever it reads."""
        return 0, 0.0


def _verdict(chances: list[float], confidence: float, recipe: Recipe) -> Verdict:
    if confidence < recipe.abstain_below:
        reason = f"{ABSTAINED}: {confidence:.2f} sure, {recipe.abstain_below:.2f} needed ({recipe.kind} from {recipe.teacher})"
        return Verdict.undecided(reason)
    label = LABELS[chances.index(max(chances))]
    substitute, complement, neither = chances
    reason = f"{recipe.kind} from {recipe.teacher}: {label}"
    return Verdict(p_substitute=substitute, p_complement=complement, p_neither=neither, reason=reason)
