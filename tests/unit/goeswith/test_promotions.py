"""Promotion records: who is the champion, what a person may say, and what goes live unasked."""

import pytest

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile
from goeswith.promotions import Approval, approve, find_champion, may_be_published, now, read_promotions, require_promotion
from goeswith.results import write_json
from tests.promotion_records import record, undecided, write


def test_the_champion_is_the_version_that_the_manifest_names_at_its_top(profile: Profile) -> None:
    assert find_champion(profile) is None
    write_json(profile.model_repository / MANIFEST, {"version": 3, "run": "old", "release": "r", "versions": [], "history": []})
    found = find_champion(profile)
    assert found is not None
    assert (found.name, found.release) == ("old/3", "r")


def test_a_manifest_without_a_current_version_is_named(profile: Profile) -> None:
    write_json(profile.model_repository / MANIFEST, {"run": "old"})
    with pytest.raises(ModelInvalid, match="does not say which version is current"):
        find_champion(profile)


def test_an_approval_promotes_and_keeps_who_and_why(profile: Profile) -> None:
    write(profile, undecided())
    after = approve(profile, "monday", approved=True, by="ada", why="for the sale")
    assert after == require_promotion(profile, "monday")
    assert (after.decision, after.by, after.reason) == ("promoted", "ada", "approved by ada: for the sale; no worse than old/1 on 1 slices")
    assert after.at == after.approval.at if after.approval else False


def test_a_rejection_keeps_back_with_the_name_and_may_be_taken_back(profile: Profile) -> None:
    write(profile, undecided())
    assert approve(profile, "monday", approved=False, by="ada").reason == "not approved by ada"
    assert require_promotion(profile, "monday").decision == "kept back"
    assert approve(profile, "monday", approved=True, by="ada").decision == "promoted"


def test_the_same_answer_again_changes_nothing(profile: Profile) -> None:
    write(profile, undecided())
    assert approve(profile, "monday", approved=True, by="ada") == approve(profile, "monday", approved=True, by="ada")


@pytest.mark.parametrize("decided", [record(), record(decision="kept back", reason="worse"), undecided(manifest_sha256="")])
def test_nobody_approves_what_awaits_no_approval(profile: Profile, decided: object) -> None:
    write(profile, decided)  # type: ignore[arg-type]  # a record, as the parameters say
    with pytest.raises(ConfigError, match="awaits no approval"):
        approve(profile, "monday", approved=True)


def test_a_run_without_a_record_is_named_with_the_job_that_makes_one(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="nothing compared run 'monday'") as caught:
        require_promotion(profile, "monday")
    assert "goeswith job compare_models" in caught.value.remedy


def test_only_what_was_promoted_or_never_compared_goes_live_unasked(profile: Profile) -> None:
    write(profile, record("good"))
    write(profile, undecided("asked"))
    write(profile, record("bad", decision="kept back"))
    assert [run for run in ("good", "asked", "bad", "by hand") if may_be_published(profile, run)] == ["good", "by hand"]


def test_records_are_read_in_the_order_of_their_decisions(profile: Profile) -> None:
    for run in ("b", "a"):
        write(profile, record(run, approval=Approval(by="ada", at=now(), approved=True)))
    assert [each.run for each in read_promotions(profile)] == ["b", "a"]
