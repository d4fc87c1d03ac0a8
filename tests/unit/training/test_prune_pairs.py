"""The job ``prune_pairs`` on a small lake."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake
from goeswith.catalogue.schema import Writer
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import write_rows
from training.jobs import prune_pairs

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARAMS = {"dim": 8, "pair_updates": 500}


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return load_profile(overrides={"home": tmp_path})


def pair_rows(graph: str, relation: str, items: int = 8) -> list[dict[str, Any]]:
    pairs = [(i, j) for i in range(items) for j in range(i + 1, items)]
    return [{"graph": graph, "relation": relation, "src": f"i{a}", "dst": f"i{b}", "n": 1, "known_at": EPOCH} for a, b in pairs]


def job(profile: Profile, rows: list[dict[str, Any]], **params: Any) -> JobRun:
    version = write_rows(profile, "item_pairs", rows)
    return JobRun(profile=profile, run_id="r1", versions={"item_pairs": version}, params={**PARAMS, **params})


def read_scores(profile: Profile) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.read_table(profile, "pair_scores").to_pylist()
    return rows


def test_every_purchase_pair_of_both_graphs_gets_a_score_and_views_get_none(profile: Profile) -> None:
    rows = [
        *pair_rows("full", "co_purchase"),
        *pair_rows("evaluation", "co_purchase", 6),
        *pair_rows("full", "co_view"),
        *pair_rows("full", "then_bought"),
    ]
    result = prune_pairs.run(job(profile, rows, rate=0.5, rule="global"))
    scored = {(r["graph"], r["relation"], r["src"], r["dst"]) for r in read_scores(profile)}
    assert scored == {(r["graph"], r["relation"], r["src"], r["dst"]) for r in rows if r["relation"] != "co_view"}
    assert result.summary["full"] == {"pairs": 56, "kept": 28}
    assert result.summary["evaluation"] == {"pairs": 15, "kept": 8}


def test_running_the_job_again_changes_nothing(profile: Profile) -> None:
    run = job(profile, pair_rows("full", "co_purchase"))
    first = prune_pairs.run(run)
    before = read_scores(profile)
    assert prune_pairs.run(run).versions == first.versions
    assert read_scores(profile) == before


def test_a_shop_without_purchase_pairs_gets_no_rows_and_says_so(profile: Profile) -> None:
    result = prune_pairs.run(job(profile, pair_rows("full", "co_view")))
    assert read_scores(profile) == []
    assert result.summary["full"]["note"] == "no purchase pairs to prune"


def test_the_rule_none_keeps_every_pair(profile: Profile) -> None:
    prune_pairs.run(job(profile, pair_rows("full", "co_purchase"), rule="none"))
    assert all(row["kept"] and row["rate"] == 0 and row["rule"] == "none" for row in read_scores(profile))


def test_pairs_that_are_gone_lose_their_score(profile: Profile) -> None:
    prune_pairs.run(job(profile, pair_rows("full", "co_purchase")))
    lake.write_table(
        profile,
        "item_pairs",
        lake.read_table(profile, "item_pairs").slice(0, 3),
        writer=Writer.SPARK,
        replace={"graph": "full"},
    )
    version = lake.open_table(profile, "item_pairs").version()
    prune_pairs.run(JobRun(profile=profile, run_id="r2", versions={"item_pairs": version}, params=PARAMS))
    assert len(read_scores(profile)) == 3


@pytest.mark.parametrize("scorer", ["spectral", "degree", "random"])
def test_another_scorer_can_be_asked_for_and_stands_in_the_rows(profile: Profile, scorer: str) -> None:
    result = prune_pairs.run(job(profile, pair_rows("full", "co_purchase"), scorer=scorer, rule="global", rate=0.25))
    rows = read_scores(profile)
    assert {row["scorer"] for row in rows} == {scorer}
    assert result.summary["full"] == {"pairs": 28, "kept": 21}
    dropped, kept = ([row["score"] for row in rows if row["kept"] is value] for value in (False, True))
    assert max(dropped) <= min(kept)


def test_an_unknown_rule_is_refused_with_the_legal_ones(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="'global', 'degree' or 'none'"):
        prune_pairs.run(JobRun(profile=profile, run_id="r", params={"rule": "best"}))
