"""The states of the repository: what follows from what, what is kept, and that a history is only added to."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile
from serving.rollout.manifest import (
    KEEP,
    Canary,
    Published,
    Version,
    find_rolled_back,
    make_canary,
    make_current,
    promote,
    read_published,
    refuse,
    require_trusted,
    roll_back,
    write_published,
)


def version(number: int, run: str = "") -> Version:
    name = run or f"run{number}"
    return Version(version=number, run=name, release=f"r{number}", made_from=f"made {name}", models=(), metrics=(), feature_names=())


def state(*numbers: int) -> Published:
    """Return the state after publishing some versions, one after another."""
    now = make_current(None, version(numbers[0]))
    for number in numbers[1:]:
        now = make_current(now, version(number))
    return now


def with_canary(before: Published, number: int, share: float = 0.1) -> Published:
    return make_canary(before, version(number), Canary(version=number, share=share))


def test_a_canary_takes_over_and_the_one_before_stays() -> None:
    tried = with_canary(state(1), 2)
    assert (tried.version, [v.version for v in tried.served]) == (1, [1, 2])
    after = promote(tried, "fine")
    assert (after.version, after.canary, after.kept, after.run) == (2, None, (1, 2), "run2")
    assert [(event.what, event.version, event.why) for event in after.history][-1] == ("promoted", 2, "fine")


def test_going_back_ends_the_canary_first_and_then_goes_version_by_version() -> None:
    tried = with_canary(state(1, 2), 3)
    assert (roll_back(tried, None).version, roll_back(tried, None).kept) == (2, (1, 2))
    assert roll_back(roll_back(tried, None), None).version == 1
    assert roll_back(tried, 1).kept == (1,)
    with pytest.raises(ConfigError, match="no version before 1 is kept"):
        roll_back(state(1), None)
    with pytest.raises(ConfigError, match="version 2 is current already"):
        roll_back(state(1, 2), 2)
    with pytest.raises(ConfigError, match="version 9 is not kept"):
        roll_back(state(1, 2), 9)


def test_another_publish_ends_a_canary_and_says_so() -> None:
    after = make_current(with_canary(state(1), 2), version(3))
    assert (after.version, after.canary, after.kept) == (3, None, (1, 3))
    assert [(event.what, event.version) for event in after.history][-2:] == [("rolled back", 2), ("published", 3)]
    assert after.history[-2].why == "version 3 was published"


def test_what_was_rolled_back_is_known_until_it_is_published_again() -> None:
    back = roll_back(state(1, 2), None, "too many returns")
    found = find_rolled_back(back, "made run2")
    assert found is not None
    assert found.why == "too many returns"
    assert find_rolled_back(back, "made run1") is None
    assert find_rolled_back(make_current(back, version(3, "run2")), "made run2") is None
    assert find_rolled_back(refuse(back, version(3, "run2"), "golden"), "made run2") == found


steps = st.lists(st.sampled_from(["publish", "canary", "promote", "back", "refuse"]), max_size=25)


@settings(max_examples=200)
@given(steps)
def test_whatever_happens_served_versions_are_kept_and_the_history_only_grows(what: list[str]) -> None:
    now, number = state(1), 1
    for step in what:
        number += 1
        before = now
        if step == "publish":
            now = make_current(now, version(number))
        elif step == "canary":
            now = with_canary(now, number)
        elif step == "refuse":
            now = refuse(now, version(number), "golden")
        elif step == "promote" and now.canary:
            now = promote(now)
        elif step == "back" and (now.canary or len([v for v in now.kept if v < now.version])):
            now = roll_back(now, None)
        assert now.history[: len(before.history)] == before.history
        assert {v.version for v in now.served} <= set(now.kept)
        assert len(now.kept) <= KEEP
        assert Published.model_validate_json(now.model_dump_json()) == now


def test_a_manifest_from_before_canaries_is_read(tmp_path: Path) -> None:
    old = {"version": 3, "kept": [1, 2, 3], "run": "m", "release": "r", "made_from": "x", "models": [], "metrics": [], "feature_names": []}
    (tmp_path / MANIFEST).write_text(json.dumps(old))
    found = read_published(tmp_path)
    assert found is not None
    assert (found.version, found.kept, found.run, found.release, found.canary, found.history) == (3, (3,), "m", "r", None, ())
    assert found.current.files == {}


def test_what_is_current_stands_at_the_top_for_readers_that_ask_nothing_else(profile: Profile) -> None:
    write_published(profile, state(1, 2))
    written = json.loads((profile.model_repository / MANIFEST).read_text())
    assert (written["version"], written["run"], written["release"]) == (2, "run2", "r2")


def test_a_manifest_that_serves_what_it_does_not_describe_is_refused() -> None:
    with pytest.raises(ValidationError, match="version 2 is served and not described"):
        Published(version=2, versions=(version(1),))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "signing.key"
    path.write_text("k" * 64)
    return path


def test_a_signature_holds_for_what_was_signed_alone(profile: Profile, key: Path) -> None:
    signed = profile.model_copy(update={"signing_key": key})
    write_published(signed, with_canary(state(1), 2))
    assert require_trusted(signed).kept == (1, 2)
    assert require_trusted(profile).kept == (1, 2)
    path = profile.model_repository / MANIFEST
    path.write_text(path.read_text().replace('"share": 0.1', '"share": 0.9'))
    with pytest.raises(ModelInvalid, match="its signature does not hold"):
        require_trusted(signed)


def test_where_there_is_a_key_a_manifest_without_a_signature_is_not_trusted(profile: Profile, key: Path) -> None:
    write_published(profile, state(1))
    with pytest.raises(ModelInvalid, match="it is not signed"):
        require_trusted(profile.model_copy(update={"signing_key": key}))


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), ("short", "holds 5 bytes")])
def test_a_key_that_cannot_be_used_is_said_and_how_one_is_made(profile: Profile, key: Path, content: str | None, said: str) -> None:
    key.write_text(content) if content else key.unlink()
    with pytest.raises(ConfigError, match=said) as refused:
        write_published(profile.model_copy(update={"signing_key": key}), state(1))
    assert "openssl rand -hex" in refused.value.remedy
