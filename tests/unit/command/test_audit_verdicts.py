"""``goeswith audit-verdicts``: asks about verdicts that it hides, keeps ids alone, goes on where it stopped, reports precision."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from goeswith import releases
from goeswith.command.main import app, call
from goeswith.profile import Profile
from tests.tiny_shop import item_rows, write_rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD = {
    ("pan-red-0", "pan-red-1"): (0.8, 0.1, 0.1),
    ("pan-red-0", "spatula-red-0"): (0.1, 0.8, 0.1),
    ("pen-red-0", "pen-red-1"): (0.7, 0.2, 0.1),
    ("pan-red-0", "pen-red-0"): (0.1, 0.1, 0.8),
    ("pan-blue-0", "pen-red-0"): (1 / 3, 1 / 3, 1 / 3),
    ("pan-blue-0", "pan-blue-1"): (0.8, 0.1, 0.1),
    ("racket-red-0", "racket-red-1"): (0.8, 0.1, 0.1),
}
EDGES = {
    ("pan-red-0", "pan-red-1"): False,
    ("pan-red-0", "spatula-red-0"): False,
    ("pen-red-1", "pen-red-0"): True,
    ("pan-blue-0", "pen-red-0"): False,
}
"""(src, dst) -> moved. Of the blue pans none stands, for a reason that is not the verdict's."""
BY_ANOTHER = ("racket-red-0", "racket-red-1")
ASKED = 4


def verdict_rows(judge: str = "flan-t5", prompt: str = "p", minutes: int = 0) -> list[dict[str, Any]]:
    told = {"judge": judge, "prompt_hash": prompt, "model_revision": "1", "judged_at": EPOCH + timedelta(minutes=minutes), "known_at": EPOCH}
    names = ("p_substitute", "p_complement", "p_neither")
    return [{"src": a, "dst": b, **told, **dict(zip(names, chances, strict=True))} for (a, b), chances in TOLD.items()]


def edge(src: str, dst: str, judge: str, moved: bool) -> dict[str, Any]:
    common = {"graph": "full", "type": "substitute", "weight": 0.5, "relation": "co_view", "known_at": EPOCH}
    return {**common, "src": src, "dst": dst, "judge": judge, "prompt_hash": "p", "moved": moved}


@pytest.fixture(autouse=True)
def shop(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    monkeypatch.setenv("COLUMNS", "200")
    items = [{**row, "title": f"{row['title']}\x1b[31m"} for row in item_rows(profile)]
    edges = [edge(*pair, "flan-t5", moved) for pair, moved in EDGES.items()] + [edge(*BY_ANOTHER, "rules", moved=False)]
    tables = {"items": items, "edge_verdicts": verdict_rows(), "relations": edges}
    releases.write_release(profile, "r1", {name: write_rows(profile, name, rows) for name, rows in tables.items()})
    return profile


def audit(*words: str, answers: str = "") -> Result:
    done = CliRunner().invoke(app, ["audit-verdicts", *words], input=answers)
    assert done.exit_code == 0, done.output
    return done


def stored(profile: Profile) -> list[dict[str, str]]:
    return [json.loads(line) for line in (profile.root / "audits" / "flan-t5.jsonl").read_text(encoding="utf-8").splitlines()]


def report(*words: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["label"], row["fate"]): row for row in json.loads(audit("--report", "--json", *words).output)}


def test_both_items_are_shown_and_the_verdict_only_after_the_answer() -> None:
    shown = audit(answers="n\nquit\n").output
    before, _, after = shown.partition("[s]")
    assert "model 0" in before
    assert "EUR" in before
    assert "pictures" in before
    assert "sport" in before or "kitchen" in before or "office" in before
    assert "the judge says" not in before
    assert "the judge says" in after
    assert "\x1b" not in shown


def test_answers_are_kept_as_ids_and_it_goes_on_where_it_stopped(shop: Profile) -> None:
    assert "1 answered, 3 left" in audit(answers="s\nquit\n").output
    again = audit(answers="s\nwhat?\nskip\n").output
    assert "'what?' is no answer" in again
    assert f"2 of {ASKED}" in again
    assert "2 answered, 1 left" in again  # the end of the input ends the audit
    assert {tuple(sorted(row)) for row in stored(shop)} == {("answer", "dst", "prompt_hash", "src")}
    assert [row["answer"] for row in stored(shop)] == ["substitute", "substitute", "skip"]
    assert len({(row["src"], row["dst"]) for row in stored(shop)}) == 3


def test_only_verdicts_that_decided_on_an_edge_are_asked_about(shop: Profile) -> None:
    audit(answers="s\n" * 20)
    assert {(row["src"], row["dst"]) for row in stored(shop)} == set(list(TOLD)[:ASKED])


def test_the_report_counts_what_a_person_confirmed() -> None:
    audit(answers="s\n" * ASKED)
    rows = report()
    assert (rows["substitute", "kept"]["precision"], rows["substitute", "moved"]["precision"], rows["neither", "dropped"]["precision"]) == (1, 1, 0)
    assert rows["substitute", "all"]["answered"] == 2
    assert rows["complement", "kept"]["right"] == 0
    shown = audit("--report").output
    assert "verdicts of flan-t5" in shown
    assert "1.000 [0.207, 1.000]" in shown


def test_a_pair_that_is_judged_anew_is_asked_about_anew(shop: Profile) -> None:
    audit(answers="s\n" * ASKED)
    version = write_rows(shop, "edge_verdicts", verdict_rows(prompt="a newer prompt", minutes=1))
    releases.write_release(shop, "r2", {"edge_verdicts": version})
    assert report()["substitute", "all"]["answered"] == 0
    assert f"{ASKED} answered, 0 left" in audit(answers="s\n" * ASKED).output


def test_of_several_judges_one_must_be_named(shop: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    releases.write_release(shop, "r2", {"edge_verdicts": write_rows(shop, "edge_verdicts", verdict_rows("rules"))})
    assert call(["audit-verdicts", "--report"]) == 2
    assert "--judge: flan-t5, rules" in capsys.readouterr().err
    assert call(["audit-verdicts", "--judge", "openai"]) == 2
    assert set(report("--judge", "rules")) == {("substitute", "kept"), ("substitute", "all"), ("neither", "dropped"), ("neither", "all")}


def test_a_damaged_line_is_named(shop: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "audits").mkdir()
    (shop.root / "audits" / "flan-t5.jsonl").write_text('{"src": "a", "ds\n')
    assert call(["audit-verdicts", "--report"]) == 5
    assert "line 1" in capsys.readouterr().err


def test_without_a_release_the_next_step_is_said(profile: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root / "elsewhere"))
    assert call(["audit-verdicts"]) == 7
    assert "goeswith run graph" in capsys.readouterr().err


def test_help_shows_examples() -> None:
    assert "goeswith audit-verdicts --report --json" in audit("--help").output
