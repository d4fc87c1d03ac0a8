"""Deciding about an export beside the version that is served, on the real Triton, and what a publish makes of the decision."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.command.main import app
from goeswith.errors import ConfigError, ModelInvalid, ModelUnavailable
from goeswith.jobs import JobRun
from goeswith.model_contract import GOLDEN, MANIFEST
from goeswith.ports import free_ports
from goeswith.profile import Profile, load_profile
from goeswith.promotions import Champion, Promotion, approve, require_promotion, write_promotion
from serving.promotion import job
from serving.rollout import publish
from serving.rollout.manifest import require_trusted
from tests.promotion_records import undecided
from tests.tiny_models import shared_home, write_tiny_export
from tests.tiny_shop import RUN

pytestmark = [pytest.mark.triton, pytest.mark.timeout(600)]

CHALLENGER = "second"


def profile_of(home: Path) -> Profile:
    """Return a home's profile, with ports of its own: a publish loads models into whatever Triton answers there."""
    http, rpc, metrics = free_ports(3)
    return load_profile(overrides={"home": home, "triton": {"grpc_port": rpc, "http_port": http, "metrics_port": metrics}})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which the tiny shop's first export is served and a second one lies."""
    home = tmp_path_factory.mktemp("promotion") / "home"
    shutil.copytree(shared_home(), home)
    profile = profile_of(home)
    publish.run(JobRun(profile=profile, run_id=RUN))
    write_tiny_export(profile, run=CHALLENGER, seed=1)
    return home


@pytest.fixture
def shop(served: Path, tmp_path: Path) -> Profile:
    shutil.copytree(served, tmp_path / "home", ignore=shutil.ignore_patterns("servers"))
    profile = profile_of(tmp_path / "home")
    compared(profile)
    return profile


def compared(profile: Profile, version: int = 1) -> None:
    """Write what ``compare_models`` leaves about a challenger that is no worse."""
    champion = Champion(version=version, run=RUN, release=RUN)
    write_promotion(profile, undecided(CHALLENGER, champion=champion, manifest_sha256="", latency=(), reason="no worse"))


def decide(profile: Profile, **params: float) -> Promotion:
    job.run(JobRun(profile=profile, run_id=CHALLENGER, params=params))
    return require_promotion(profile, CHALLENGER)


def test_the_record_joins_data_recipes_figures_latency_and_the_manifest_and_a_publish_follows_it(shop: Profile) -> None:
    found = decide(shop, slower=50)
    export = shop.models / CHALLENGER / "export"
    assert (found.decision, found.release, found.seed, set(found.recipes)) == ("promoted", RUN, 1, {"cirp", "mmsc"})
    assert {gate.table for gate in found.gates} == {"items", "events", "bundles", "holdout", "relations", "training_sets"}
    assert {each.model for each in found.latency} == {"item_preprocess", "item_encoder", "bundle", "relations", "new_item"}
    assert all(each.champion_ms > 0 and each.challenger_ms > 0 for each in found.latency)
    assert found.manifest_sha256 == hashlib.sha256((export / MANIFEST).read_bytes()).hexdigest()
    assert not (shop.servers / "comparing").exists()
    assert decide(shop, slower=50) == found, "the same again measures nothing"
    publish.run(JobRun(profile=shop, run_id=CHALLENGER))
    event = require_trusted(shop).history[-1]
    assert (event.run, event.what, event.figures["promotion"]["decision"]) == (CHALLENGER, "published", "promoted")
    assert decide(shop) == found, "what is served by now keeps its record"


def test_what_is_too_slow_is_kept_back_and_the_champion_goes_on_serving(shop: Profile) -> None:
    found = decide(shop, slower=50)
    slow = tuple(each.model_copy(update={"challenger_ms": 100 * each.champion_ms + 100}) for each in found.latency)
    write_promotion(shop, found.model_copy(update={"decision": "undecided", "latency": slow}))
    assert decide(shop).decision == "kept back"
    assert "the champion" in decide(shop).reason
    summary = publish.run(JobRun(profile=shop, run_id=CHALLENGER)).summary
    assert (summary["run"], summary["changed"]) == (RUN, False)
    told = CliRunner().invoke(app, ["rollout", "history", "--json"], env={"GOESWITH_HOME": str(shop.root)})
    (record,) = json.loads(told.stdout)["promotions"]
    assert (record["run"], record["decision"]) == (CHALLENGER, "kept back")


def test_golden_answers_that_do_not_hold_are_found_before_anything_is_released(shop: Profile) -> None:
    export = shop.models / CHALLENGER / "export"
    other = json.loads((shop.models / RUN / "export" / GOLDEN).read_text(encoding="utf-8"))
    (export / GOLDEN).write_text(json.dumps(other), encoding="utf-8")
    manifest = json.loads((export / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][GOLDEN] = hashlib.sha256((export / GOLDEN).read_bytes()).hexdigest()
    (export / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelInvalid, match="golden"):
        decide(shop)


def test_with_approval_it_waits_for_a_person_and_publishing_waits_too(shop: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_OPERATOR__APPROVAL", "true")
    asking = profile_of(shop.root)
    assert decide(asking, slower=50).awaits_approval
    assert publish.run(JobRun(profile=asking, run_id=CHALLENGER)).summary["run"] == RUN
    approve(asking, CHALLENGER, approved=True, by="ada")
    assert decide(asking, slower=50).by == "ada"
    assert publish.run(JobRun(profile=asking, run_id=CHALLENGER)).summary["run"] == CHALLENGER
    assert require_trusted(asking).history[-1].figures["promotion"]["by"] == "ada"


def test_a_champion_that_changed_since_the_comparison_asks_for_another(shop: Profile) -> None:
    compared(shop, version=7)
    with pytest.raises(ConfigError, match="was compared with another"):
        decide(shop)


def test_a_run_that_is_named_is_published_and_the_history_says_that_it_was_kept_back(shop: Profile) -> None:
    found = require_promotion(shop, CHALLENGER)
    write_promotion(shop, found.model_copy(update={"decision": "kept back", "reason": "worse on cold items"}))
    shutil.rmtree(shop.models / RUN)
    with pytest.raises(ModelUnavailable, match="kept back"):
        publish.run(JobRun(profile=shop, run_id=CHALLENGER))
    publish.run(JobRun(profile=shop, run_id=CHALLENGER, params={"run": CHALLENGER}))
    assert require_trusted(shop).history[-1].why == f"named, although run {CHALLENGER} is kept back: worse on cold items"
