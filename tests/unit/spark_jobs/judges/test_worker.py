"""What Spark's workers do with frames of pairs, without Spark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
import pytest

from goeswith.pair_judge.item import Item
from goeswith.settings import JudgeSettings
from spark_jobs.judges import worker
from spark_jobs.judges.base import ItemPair, JudgeFailed, Verdict
from spark_jobs.judges.worker import judge_frame, judge_frames, parse_item

YES = Verdict(p_substitute=1.0, p_complement=0.0, p_neither=0.0, reason="yes")


@dataclass
class Scripted:
    """A judge that knows what it will say of each title."""

    answers: dict[str, Verdict | None]
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"
    revision: str = "1"
    prompt_version: str = "1"
    chunk: int = 10
    both_ways: bool = False

    def most(self, question_bytes: int, /) -> tuple[int, float]:
        return question_bytes, 0.0

    def judge(self, pairs: Sequence[ItemPair]) -> list[Verdict]:
        self.asked += [str(pair.src.title) for pair in pairs]
        verdicts = [self.answers[str(pair.src.title)] for pair in pairs]
        if None in verdicts:
            raise JudgeFailed("no answer", "ask again", verdicts)
        return [verdict for verdict in verdicts if verdict]


def frame(*titles: str) -> pd.DataFrame:
    known_at = pd.Timestamp("2026-01-01", tz="UTC")
    common = {"dst": "d", "prompt_hash": "h", "known_at": known_at, "dst_item": "{}", "most_tokens": 0, "most_cost": 0.0}
    return pd.DataFrame([{"src": title, "src_item": json.dumps({"title": title}), **common} for title in titles])


def test_a_failure_is_data_beside_the_verdicts_that_were_given() -> None:
    answers = judge_frame(Scripted({"a": YES, "b": None}), frame("a", "b"))
    assert answers["src"].tolist() == ["a", "b"]
    assert answers["p_substitute"][0] == 1.0
    assert pd.isna(answers["p_substitute"][1])
    assert answers["failure"].tolist() == [None, "no answer"]
    assert answers["remedy"].tolist() == [None, "ask again"]


def test_after_a_failure_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Scripted({"a": YES, "b": None, "c": YES})
    monkeypatch.setattr(worker, "worker_judge", lambda _: judge)
    answers = list(judge_frames(iter([frame("a"), frame("b"), frame("c")]), JudgeSettings()))
    assert [list(part["src"]) for part in answers] == [["a"], ["b"]]
    assert judge.asked == ["a", "b"]


def test_frames_keep_their_keys_and_their_order() -> None:
    answers = list(judge_frames(iter([frame("a", "b"), frame("c")]), JudgeSettings(kind="rules")))
    assert [list(part["src"]) for part in answers] == [["a", "b"], ["c"]]
    assert all(part["failure"].isna().all() for part in answers)


def test_an_empty_frame_gives_an_empty_frame() -> None:
    assert judge_frame(Scripted({}), frame("a").iloc[:0]).empty


def test_an_item_is_read_back_from_its_json_and_missing_parts_stay_missing() -> None:
    text = '{"title":"pan","category":["kitchen","pan"],"attributes":[{"name":"colour","value":"red"},{"name":"size"}],"price":3.5}'
    assert parse_item(text) == Item(title="pan", category=("kitchen", "pan"), attributes=(("colour", "red"), ("size", "")), price=3.5)
    assert parse_item("{}") == Item()
