"""Figures, texts, fingerprints and progress: small things that everything else leans on."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith import fingerprint, progress
from goeswith.errors import ConfigError, GoeswithError
from goeswith.item_text import MAX_CHARS, item_text
from goeswith.profile import Profile
from goeswith.results import Figure, read_figures, write_atomically, write_figures


def test_figures_come_back_as_written(profile: Profile) -> None:
    figures = [Figure(task="bundle", data="hm", slice="all", model="cirp", metric="recall@20", value=0.2, low=0.1, high=0.3, n=10, seed=1)]
    write_figures(profile, "metrics", figures)
    assert read_figures(profile, "metrics") == figures
    assert read_figures(profile, "nothing") == []


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomically(tmp_path / "x.json", "old")

    def crash(_self: Path, _target: Path) -> None:
        raise OSError("killed")

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(OSError, match="killed"):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_an_items_text_leaves_no_trace_of_missing_parts() -> None:
    assert item_text("Red Pan", None, "", ["home", "kitchen", "pan"]) == "red pan. kitchen pan"
    assert item_text(None, None, None, None) == ""


@given(st.text(), st.text(), st.text(), st.lists(st.text(), max_size=4))
def test_an_items_text_is_bounded_and_lower_case(title: str, description: str, brand: str, category: list[str]) -> None:
    text = item_text(title, description, brand, category)
    assert len(text) <= MAX_CHARS
    assert text == item_text(title, description, brand, category)


def test_a_fingerprint_follows_content_and_not_order(tmp_path: Path) -> None:
    assert fingerprint.of_values({"a": 1, "b": 2}) == fingerprint.of_values({"b": 2, "a": 1})
    (tmp_path / "f").write_text("1")
    before = fingerprint.of_files(tmp_path)
    (tmp_path / "f").write_text("22")
    assert fingerprint.of_files(tmp_path) != before
    assert fingerprint.of_code(["goeswith"]) != fingerprint.of_code(["goeswith", "dags"])


def test_progress_in_a_log_tells_how_far_and_how_fast(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    with caplog.at_level(logging.INFO), progress.progress("training", 10, unit="items") as advance:
        advance(4, "loss 1.0")
    assert "training: 4 of 10 items" in caplog.text
    assert "loss 1.0" in caplog.text


def test_an_error_says_what_and_what_to_do() -> None:
    error = ConfigError("no job is called 'x'", "jobs: a, b")
    assert str(error) == "no job is called 'x'\n  -> jobs: a, b"
    assert isinstance(error, GoeswithError)
    codes = [kind.exit_code for kind in GoeswithError.__subclasses__()]
    assert len(codes) == len(set(codes))
