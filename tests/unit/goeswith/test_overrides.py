"""An override is given with a reason, for an expectation that stops, and lets one version pass."""

import pytest

from goeswith import lake
from goeswith.errors import ConfigError
from goeswith.overrides import Override, find_overrides, give_override, read_overrides, use_overrides
from goeswith.profile import Profile

UNIQUE = "item_id is unique"


def give(profile: Profile, expectation: str = UNIQUE, *, table: str = "items", run: str | None = None, reason: str = "known") -> Override:
    return give_override(profile, table=table, expectation=expectation, reason=reason, author="ada", run=run)


def test_it_is_kept_with_author_reason_and_time(profile: Profile) -> None:
    given = give(profile, run="r1")
    assert read_overrides(profile) == [given]
    assert (given.author, given.reason, given.run, given.used_version) == ("ada", "known", "r1", None)


def test_without_any_there_are_none(profile: Profile) -> None:
    assert read_overrides(profile) == []
    assert find_overrides(profile, "items", 3, "r1") == {}


def test_an_expectation_that_does_not_exist_is_refused_with_those_that_do(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="price is right") as refused:
        give(profile, "price is right")
    assert UNIQUE in refused.value.remedy
    assert lake.current_version(profile, "gate_overrides") is None


def test_what_only_warns_needs_none(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="that stops"):
        give(profile, "has rows", table="bundles")


def test_a_table_that_does_not_exist_is_refused(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="no table"):
        give(profile, table="nonsense")


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_it_is_refused(profile: Profile, reason: str) -> None:
    with pytest.raises(ConfigError, match="reason"):
        give(profile, reason=reason)


def test_it_holds_for_the_version_that_used_it_and_for_no_other(profile: Profile) -> None:
    given = give(profile)
    use_overrides(profile, [given], 7, "r1")
    assert find_overrides(profile, "items", 7, "r1")[UNIQUE].used_version == 7
    assert find_overrides(profile, "items", 8, "r1") == {}
    assert find_overrides(profile, "items", 7, "r2") == {}


def test_the_same_gate_again_writes_nothing(profile: Profile) -> None:
    use_overrides(profile, [give(profile)], 7, "r1")
    before = lake.current_version(profile, "gate_overrides")
    use_overrides(profile, find_overrides(profile, "items", 7, "r1").values(), 7, "r1")
    assert lake.current_version(profile, "gate_overrides") == before


def test_one_for_a_run_waits_for_that_run(profile: Profile) -> None:
    give(profile, run="monday")
    assert find_overrides(profile, "items", 3, "sunday") == {}
    assert set(find_overrides(profile, "items", 3, "monday")) == {UNIQUE}


def test_of_two_that_wait_the_older_is_used_first_and_the_other_stays(profile: Profile) -> None:
    first, second = give(profile, reason="first"), give(profile, reason="second")
    assert find_overrides(profile, "items", 3, "r1") == {UNIQUE: first}
    use_overrides(profile, [first], 3, "r1")
    assert find_overrides(profile, "items", 3, "r1")[UNIQUE].reason == "first"
    assert find_overrides(profile, "items", 4, "r2") == {UNIQUE: second}


def test_those_of_other_tables_are_not_found(profile: Profile) -> None:
    give(profile, "event_id is unique", table="events")
    assert find_overrides(profile, "items", 3, "r1") == {}
