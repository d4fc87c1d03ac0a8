"""Judges say whether one item replaces another, goes with it, or neither: one interface, four judges."""

from functools import cache
from pathlib import Path

from goeswith.errors import ConfigError
from goeswith.pair_judge.model import RECIPE, Kind
from goeswith.profile import JudgeSettings
from spark_jobs.judges.base import ItemPair, Judge, JudgeFailed, Verdict
from spark_jobs.judges.budget import Price
from spark_jobs.judges.flan_t5 import FlanT5Judge, has_weights
from spark_jobs.judges.learned import LearnedJudge
from spark_jobs.judges.openai import OpenAIJudge
from spark_jobs.judges.rules import RulesJudge


def build_judge(settings: JudgeSettings) -> Judge:
    """Return the judge that the profile names; ``auto`` is flan-t5 where its weights are found, else the rules.

    Building costs nothing: a judge loads what it needs when it is first asked. Raises ``ConfigError`` where a setting that
    the judge cannot do without is empty.
    """
    if settings.kind == "openai":
        return _openai(settings)
    if settings.kind == "flan-t5" or (settings.kind == "auto" and has_weights(Path(settings.model))):
        return _flan_t5(settings)
    if settings.kind == "distilled" or settings.kind == "supervised":
        return _learned(settings, settings.kind)
    return RulesJudge()


@cache
def worker_judge(settings: JudgeSettings) -> Judge:
    """Return this Python process's judge: the same one at every call, so a model is loaded once a worker."""
    return build_judge(settings)


def _openai(settings: JudgeSettings) -> Judge:
    for name in ("endpoint", "model"):
        if not getattr(settings, name):
            raise ConfigError(f"the judge 'openai' needs judge.{name}", f"set GOESWITH_JUDGE__{name.upper()}")
    price = Price(read=settings.price_read, written=settings.price_written)
    return OpenAIJudge(endpoint=settings.endpoint, model=settings.model, api_key=settings.api_key.get_secret_value(), price=price)


def _flan_t5(settings: JudgeSettings) -> Judge:
    folder = Path(settings.model).expanduser()
    if not has_weights(folder):
        raise ConfigError(
            f"the judge 'flan-t5' finds no safetensors weights in {settings.model!r}",
            "set GOESWITH_JUDGE__MODEL to a folder with config.json, tokenizer files and *.safetensors, or choose judge.kind: rules",
        )
    return FlanT5Judge(folder=folder, dtype=settings.dtype)


def _learned(settings: JudgeSettings, kind: Kind) -> Judge:
    folder = Path(settings.model).expanduser()
    if not (folder / RECIPE).is_file():
        raise ConfigError(
            f"the judge {kind!r} finds no {RECIPE} in {settings.model!r}",
            "set GOESWITH_JUDGE__MODEL to the folder that the job train_judge wrote, or choose judge.kind: rules",
        )
    return LearnedJudge(folder=folder, name=kind)


__all__ = ["ItemPair", "Judge", "JudgeFailed", "Verdict", "build_judge", "worker_judge"]
