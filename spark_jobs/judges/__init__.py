"""Judges say whether one item replaces another, goes with it, or neither: one interface, four judges."""

from functools import cache
from pathlib import Path

from goeswith.errors import ConfigError
from goeswith.pair_judge.model import RECIPE, Kind, read_recipe
from goeswith.settings import JudgeSettings
from spark_jobs.judges.base import ItemPair, Judge, JudgeFailed, Verdict
from spark_jobs.judges.budget import Price
from spark_jobs.judges.flan_t5 import FlanT5Judge, has_weights
from spark_jobs.judges.learned import LearnedJudge
from spark_jobs.judges.openai import OpenAIJudge
from spark_jobs.judges.rules import RulesJudge


def build_judge(settings: JudgeSettings) -> Judge:
    """Return the judge that the profile names; ``auto`` is the one whose folder ``model`` names, and the rules where it names none.

    Building costs nothing: a judge loads what it needs when it is first asked. Raises ``ConfigError`` where a setting that
    the judge cannot do without is empty, ``ModelInvalid`` where ``auto`` meets a damaged recipe.
    """
    match _kind_in(settings) if settings.kind == "auto" else settings.kind:
        case "openai":
            return _openai(settings)
        case "flan-t5":
            return _flan_t5(settings)
        case "distilled" | "supervised" as kind:
            return _learned(settings, kind)
        case _:
            return RulesJudge()


def _kind_in(settings: JudgeSettings) -> str:
    """Return which judge lies in the folder ``model``. Raises ``ConfigError`` where none does: rules in its stead would be no answer."""
    if not settings.model:
        return "rules"
    folder = Path(settings.model).expanduser()
    if (folder / RECIPE).is_file():
        return read_recipe(folder).kind
    if has_weights(folder):
        return "flan-t5"
    raise ConfigError(
        f"judge.model names {settings.model!r}, which holds no judge",
        f"name a folder with config.json and *.safetensors, or with {RECIPE}, which train_judge writes; leave judge.model empty for the rules",
    )


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
