"""What readers are promised stands in a page, and whoever changes it is shown what breaks."""

from feature_repo.registered import Difference, contract_of, contract_page, differences
from feature_repo.store import build_objects
from goeswith.profile import PROJECT_ROOT, Profile

PAGE = PROJECT_ROOT / "docs" / "features.md"


def test_the_page_of_features_is_what_would_be_registered(profile: Profile) -> None:
    assert contract_page(build_objects(profile, {})) == PAGE.read_text(encoding="utf-8"), "run: make docs"


def test_a_feature_that_goes_or_changes_its_type_breaks_readers_and_one_that_comes_does_not() -> None:
    before = {"items": {"title": "String", "price": "Float64", "brand": "String"}, "service old": {"items": "view"}}
    after = {"items": {"title": "String", "price": "String", "size": "String"}}
    found = {change.what: change.breaks for change in differences(before, after)}
    assert found == {"items: brand": True, "items: price": True, "items: size": False, "service old: items": True}


def test_another_version_of_a_table_is_a_change_that_breaks_nobody(profile: Profile) -> None:
    first, second = (contract_of(build_objects(profile, {"items": version})) for version in (1, 2))
    assert [*differences(first, first)] == []
    changes = [*differences(first, second)]
    assert changes == [Difference("item_cards: pinned", "items@1", "items@2"), Difference("items: pinned", "items@1", "items@2")]
    assert not any(change.breaks for change in changes)
