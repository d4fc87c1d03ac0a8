"""A version's counts are kept, found again, and counted anew only when a rule asks for more."""

import pytest

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.profile import Profile
from spark_jobs.gates.statistics import Counts, read_counts, statistics_of, write_counts

HOLDOUT: Counts = {("rows", "", ""): 7, ("rows", "basket", ""): 4, ("rows", "edge", ""): 3}


def test_what_was_written_is_read_by_version(profile: Profile) -> None:
    write_counts(profile, "holdout", 3, HOLDOUT)
    write_counts(profile, "holdout", 4, {("rows", "", ""): 8})
    assert read_counts(profile, "holdout", 3) == HOLDOUT
    assert read_counts(profile, "holdout", 4) == {("rows", "", ""): 8}


def test_the_same_counts_again_write_nothing_and_others_replace_them(profile: Profile) -> None:
    write_counts(profile, "holdout", 3, HOLDOUT)
    before = lake.current_version(profile, "version_statistics")
    write_counts(profile, "holdout", 3, HOLDOUT)
    assert lake.current_version(profile, "version_statistics") == before
    write_counts(profile, "holdout", 3, {("rows", "", ""): 9})
    assert read_counts(profile, "holdout", 3) == {("rows", "", ""): 9}


@pytest.mark.parametrize("name", ["holdout", "items"])
def test_a_version_that_was_never_counted_has_none(profile: Profile, name: str) -> None:
    assert read_counts(profile, name, 1) is None
    write_counts(profile, "holdout", 3, HOLDOUT)
    assert read_counts(profile, name, 1) is None


def test_counts_that_lack_a_statistic_which_a_rule_asks_for_are_none(profile: Profile) -> None:
    write_counts(profile, "items", 3, {("rows", "", ""): 7})
    assert read_counts(profile, "items", 3) is None


def test_the_statistics_of_a_table_are_those_that_its_rules_compare() -> None:
    assert statistics_of(find_table("item_pairs")) == {"rows", "degrees"}
    assert statistics_of(find_table("events")) == {"rows", "nulls of user_id", "nulls of price", "nulls of happened_at", "values of price"}
