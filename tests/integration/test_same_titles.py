"""Which items say nearly the same: against all pairs compared, and on what would explode if pairs were formed."""

import random
import re
from collections import defaultdict

import pytest
from pyspark.sql import SparkSession

from spark_jobs.same_titles import find_same_titles

pytestmark = pytest.mark.spark


def grouped(spark: SparkSession, titles: dict[str, str | None]) -> dict[str, str]:
    frame = spark.createDataFrame(list(titles.items()), "item_id string, title string")
    rows = find_same_titles(frame).collect()
    assert len({row["item_id"] for row in rows}) == len(rows)
    return {row["item_id"]: row["same_title_as"] for row in rows}


def grouped_slowly(titles: dict[str, str | None]) -> dict[str, str]:
    """Compare all pairs by the Jaccard index of their words, and follow the pairs of .9 and more."""
    words = {name: frozenset(re.findall(r"\w+", (title or "").lower())) for name, title in titles.items()}
    near = defaultdict(set)
    for a in titles:
        for b in titles:
            if a != b and words[a] and len(words[a] & words[b]) >= 0.9 * len(words[a] | words[b]):
                near[a].add(b)
    return {name: min(_reached(name, near)) for name in near}


def _reached(name: str, near: dict[str, set[str]]) -> set[str]:
    seen, open_names = {name}, [name]
    while open_names:
        new = near[open_names.pop()] - seen
        seen |= new
        open_names += new
    return seen


def sentence(*words: int) -> str:
    return " ".join(f"word{n}" for n in words)


NINE, EIGHTEEN = range(9), range(18)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Frying pan - 24 cm", "frying PAN, 24 (cm)", True),
        ("pan 24", "24 pan", True),
        ("red pan", "red pot", False),
        (sentence(*NINE), sentence(*NINE, 99), True),
        (sentence(*NINE[:8]), sentence(*NINE[:8], 99), False),
        (sentence(*NINE, 98), sentence(*NINE, 99), False),
        (sentence(*EIGHTEEN, 98), sentence(*EIGHTEEN, 99), True),
        (sentence(*EIGHTEEN[:17], 98), sentence(*EIGHTEEN[:17], 99), False),
        ("Ärmel für Größe 5", "ärmel FÜR größe 5", True),
        ("...", "!!!", False),
        (None, None, False),
    ],
)
def test_two_titles(spark: SparkSession, one: str | None, other: str | None, same: bool) -> None:
    assert grouped(spark, {"b": one, "a": other}) == ({"a": "a", "b": "a"} if same else {})


def test_random_titles_are_grouped_as_by_comparing_all_pairs(spark: SparkSession) -> None:
    rng = random.Random(3)  # noqa: S311 - titles, no secret
    titles: dict[str, str | None] = {}
    for family in range(12):
        base = [100 * family + n for n in range(rng.choice([6, 9, 12, 17]))]
        for member in range(rng.randint(1, 5)):
            words = [word for word in base if rng.random() > 0.03] + [rng.randint(0, 9)] * rng.randint(0, 1)
            rng.shuffle(words)
            titles[f"{family:02}-{member}"] = sentence(*words)
    assert len(grouped_slowly(titles)) > 10
    assert grouped(spark, titles) == grouped_slowly(titles)


def test_a_chain_of_near_titles_is_one_group(spark: SparkSession) -> None:
    titles: dict[str, str | None] = {f"i{length}": sentence(*range(length)) for length in (14, 9, 11, 10, 13, 12)}
    assert set(grouped(spark, titles).values()) == {min(titles)}


def test_thousands_of_the_same_and_of_nearly_the_same_title_form_no_pairs(spark: SparkSession) -> None:
    same = {f"s{n:05}": "phone case" for n in range(20_000)}
    near = {f"n{n:05}": sentence(*EIGHTEEN, 1000 + n) for n in range(5_000)}
    assert set(grouped(spark, {**same, **near}).values()) == {"s00000", "n00000"}
