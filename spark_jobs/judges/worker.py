"""What runs in Spark's Python workers: items as JSON in, verdicts out, and a failure as data so that paid verdicts are kept."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from goeswith.pair_judge.item import Item
from goeswith.settings import JudgeSettings
from spark_jobs.judges import worker_judge
from spark_jobs.judges.base import ItemPair, Judge, JudgeFailed, Verdict

KEYS = ["src", "dst", "prompt_hash", "known_at", "most_tokens", "most_cost"]
TOLD = "p_substitute double, p_complement double, p_neither double, reason string, seconds double, tokens bigint, cost double"
ANSWERS = f"{TOLD}, failure string, remedy string"
SCHEMA = f"src string, dst string, prompt_hash string, known_at timestamp, most_tokens bigint, most_cost double, {ANSWERS}"
"""Of the frames that ``judge_frames`` yields: a pair has either a verdict or a failure."""


def judge_frames(frames: Iterator[pd.DataFrame], settings: JudgeSettings) -> Iterator[pd.DataFrame]:
    """Judge frames of ``KEYS`` and the two items' JSON, ``src_item`` and ``dst_item``; after a failure nothing more is asked."""
    judge = worker_judge(settings)
    for frame in frames:
        answers = judge_frame(judge, frame)
        yield answers
        if answers["failure"].notna().any():
            return


def judge_frame(judge: Judge, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the keys of a frame with a verdict each, or with why there is none."""
    pairs = [ItemPair(parse_item(src), parse_item(dst)) for src, dst in zip(frame["src_item"], frame["dst_item"], strict=True)]
    what = remedy = None
    try:
        verdicts: Sequence[Verdict | None] = judge.judge(pairs)
    except JudgeFailed as failed:
        verdicts, what, remedy = failed.paid, failed.what, failed.remedy
    names = [part.split()[0] for part in TOLD.split(", ")]
    answers = [[*(getattr(v, name, None) for name in names), *((None, None) if v else (what, remedy))] for v in verdicts]
    told = pd.DataFrame(answers, columns=[*names, "failure", "remedy"], index=frame.index)
    return pd.concat([frame[KEYS], told.astype({"tokens": "Int64"})], axis=1)


def parse_item(text: str) -> Item:
    """Return the item that ``to_json`` of its columns describes; nulls are left out there."""
    row: dict[str, Any] = json.loads(text)
    attributes = tuple((pair["name"], pair.get("value", "")) for pair in row.pop("attributes", ()))
    return Item(category=tuple(row.pop("category", ())), attributes=attributes, **row)
