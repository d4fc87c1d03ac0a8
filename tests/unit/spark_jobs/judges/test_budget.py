"""What judging may cost: bounds that no answer exceeds, and what is left after some was spent."""

import json
from typing import Any

import pytest

from goeswith.errors import ConfigError
from goeswith.pair_judge.item import Item
from goeswith.settings import JudgeSettings
from spark_jobs.judges import build_judge
from spark_jobs.judges.base import ItemPair
from spark_jobs.judges.budget import Budget, Price, build_budget
from spark_jobs.judges.openai import MAX_ANSWER_TOKENS, OpenAIJudge
from spark_jobs.judges.rules import RulesJudge
from tests.unit.spark_jobs.judges.stand_ins import GOOD, serve

PAIR = ItemPair(Item(title="日本の鍋 30cm", brand="é"), Item(title="pan"))


def priced(endpoint: str = "http://127.0.0.1:9/v1") -> OpenAIJudge:
    return OpenAIJudge(endpoint=endpoint, model="m", price=Price(read=2.0, written=10.0))


def answer(**usage: Any) -> str:
    return json.dumps({"choices": [{"message": {"content": GOOD}}], "usage": usage})


def test_an_answer_says_how_long_it_took_and_what_it_cost() -> None:
    with serve(lambda _: (200, answer(prompt_tokens=500, completion_tokens=40))) as (endpoint, _):
        (verdict,) = priced(endpoint).judge([PAIR])
    assert verdict.seconds is not None
    assert 0 < verdict.seconds < 5
    assert verdict.tokens == 540
    assert verdict.cost == pytest.approx((500 * 2 + 40 * 10) / 1e6)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": 3}, {"prompt_tokens": "many", "completion_tokens": None}])
def test_an_endpoint_that_does_not_count_leaves_the_count_open(usage: dict[str, Any]) -> None:
    with serve(lambda _: (200, answer(**usage))) as (endpoint, _):
        (verdict,) = priced(endpoint).judge([PAIR])
    assert (verdict.tokens, verdict.cost) == (None, None)


def test_the_bound_of_a_question_is_its_bytes_and_the_longest_answer() -> None:
    judge = priced()
    question = judge.prompt.fill(PAIR)
    items = len(json.dumps([PAIR.src.title, PAIR.src.brand, PAIR.dst.title], ensure_ascii=False).encode())
    tokens, cost = judge.most(items + 60)
    assert tokens >= len(question.encode()) + MAX_ANSWER_TOKENS, "no tokenizer makes more tokens than bytes"
    assert cost == pytest.approx(((tokens - MAX_ANSWER_TOKENS) * 2 + MAX_ANSWER_TOKENS * 10) / 1e6)


def test_rules_cost_nothing() -> None:
    assert RulesJudge().most(10_000) == (0, 0.0)


def test_what_is_spent_is_taken_off_what_is_bounded() -> None:
    assert not build_budget(JudgeSettings()).bounded
    budget = build_budget(JudgeSettings(max_tokens=1_000))
    assert budget.bounded
    assert budget.less(300, 0.5) == Budget(tokens=700, cost=None)
    assert Budget(tokens=None, cost=2.0).less(300, 0.5) == Budget(tokens=None, cost=1.5)


def test_a_budget_of_money_without_prices_is_refused_with_the_settings_to_make() -> None:
    with pytest.raises(ConfigError, match="no price is known") as refused:
        build_budget(JudgeSettings(max_cost=1.0))
    assert "judge.price_read" in refused.value.remedy


def test_prices_come_from_the_settings() -> None:
    judge = build_judge(JudgeSettings(kind="openai", endpoint="http://127.0.0.1:9/v1", model="m", price_read=1.0, price_written=2.0))
    assert isinstance(judge, OpenAIJudge)
    assert judge.price == Price(read=1.0, written=2.0)
