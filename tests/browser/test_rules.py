"""A merchandiser bans and pins from an item's page, sees it happen, takes it back, and reads who did what and why."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from goeswith.profile import Profile
from goeswith_client.rules import RuleBody
from serving.rules.table import add_rules, read_rules, remove_rules, standing_rules
from tests.browser.conftest import Shop
from tests.browser.shop import SCRIPT, SEED

Open = Callable[..., Page]
FIRST = "red racket model 1"
FIRST_ID = "racket-red-1"


@pytest.fixture(autouse=True)
def _clean(home: Profile) -> Iterator[None]:
    yield
    standing = [rule.rule_id for rule in standing_rules(home)]
    remove_rules(home, standing, by="test", why="the test is over")


def substitutes(page: Page) -> Locator:
    return page.get_by_role("region", name="Substitutes").locator(".row-title")


def add(page: Page, why: str, **fields: str) -> Locator:
    """Fill in the dialog that is open, and send it."""
    dialog = page.get_by_role("dialog", name="Add a rule")
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " "), exact=True).fill(value)
    dialog.get_by_label("Why", exact=True).fill(why)
    dialog.get_by_role("button", name="Add the rule").click()
    return dialog


def test_a_banned_item_vanishes_from_the_answer_and_comes_back_when_the_ban_is_removed(open_page: Open, home: Profile) -> None:
    page = open_page(f"#/item/{FIRST_ID}")
    page.get_by_role("button", name="Pin or ban").click()
    expect(page.get_by_role("dialog").get_by_label("Item", exact=True)).to_have_value(FIRST_ID)
    expect(add(page, "recalled by its maker")).to_be_hidden()
    page.goto(page.url.split("#")[0] + f"#/item/{SEED}")
    expect(substitutes(page).first).to_be_visible()
    assert FIRST not in substitutes(page).all_inner_texts()
    expect(page.get_by_text("1 answer left out by rule r").first).to_be_visible()
    page.get_by_role("link", name="Rules").click()
    row = page.get_by_role("region", name="Rules").get_by_role("listitem").filter(has_text=f"ban {FIRST_ID} everywhere")
    expect(row).to_contain_text("recalled by its maker")
    row.get_by_role("button", name="Remove").click()
    gone = page.get_by_role("dialog", name="Remove a rule")
    gone.get_by_label("Why").fill("a mistake")
    gone.get_by_role("button", name="Remove the rule").click()
    expect(page.get_by_text("No rule stands")).to_be_visible()
    expect(page.get_by_label("Search the rules")).to_be_focused()
    page.goto(page.url.split("#")[0] + f"#/item/{SEED}")
    expect(substitutes(page).first).to_have_text(FIRST)
    assert [(rule.created_by, rule.removed_why) for rule in read_rules(home)][-1] == ("gateway without keys", "a mistake")


def test_a_pin_moves_an_item_to_its_place_at_once_and_says_so(open_page: Open) -> None:
    page = open_page(f"#/item/{SEED}")
    expect(substitutes(page).first).to_have_text(FIRST)
    page.get_by_role("button", name="Pin or ban").click()
    page.get_by_role("combobox", name="What").select_option("Pin an item in another's answers")
    expect(page.get_by_label("In answers about item")).to_have_value(SEED)
    page.get_by_label("What customers read (may be empty)").fill(SCRIPT)
    add(page, "campaign", Item="racket-blue-1", Place="2")
    expect(substitutes(page).nth(1)).to_have_text("blue racket model 1")
    expect(page.get_by_role("region", name="Substitutes").locator(".row").nth(1)).to_contain_text(f": {SCRIPT}")


def test_what_cannot_be_a_rule_is_told_in_the_dialog_with_what_it_may_have_meant(open_page: Open) -> None:
    page = open_page("#/rules", refused=True)
    page.get_by_role("button", name="Add a rule").click()
    dialog = add(page, "recalled", Item="racket-red-9")
    expect(dialog.get_by_role("alert")).to_contain_text("did you mean racket-red-1")
    dialog.get_by_label("Item", exact=True).fill(FIRST_ID)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text(f"ban {FIRST_ID} everywhere", exact=True)).to_be_visible()


def test_rules_are_found_by_words_and_the_history_tells_each_change(open_page: Open, home: Profile) -> None:
    bodies = [RuleBody(kind="ban", item=item) for item in (FIRST_ID, "pen-red-0")]
    made = add_rules(home, bodies, by="ada", why=["recalled", "<b>bold</b>"])
    page = open_page("#/rules")
    expect(page.get_by_text("2 rules")).to_be_visible()
    page.get_by_label("Search the rules").fill("BOLD")
    expect(page.get_by_text("1 rule", exact=True)).to_be_visible()
    assert page.url.endswith("q=BOLD")
    expect(page.get_by_text("<b>bold</b>")).to_be_visible()
    page.get_by_label("Search the rules").fill("zeppelin")
    expect(page.get_by_text("No rule has “zeppelin”")).to_be_visible()
    remove_rules(home, [made[0].rule_id], by="grace", why="the maker mended it")
    page.get_by_role("link", name="History").click()
    first = page.get_by_role("region", name="Rules").get_by_role("listitem").first
    for words in ("removed", made[0].rule_id, "the maker mended it", "grace"):
        expect(first).to_contain_text(words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_in_the_list_and_the_dialog(open_page: Open, home: Profile, scheme: str, width: int) -> None:
    add_rules(home, [RuleBody(kind="ban", item=FIRST_ID), RuleBody(kind="sensitive_category", category="pan")], by="ada", why="recalled")
    page = open_page("#/rules", color_scheme=scheme, bypass_csp=True, viewport={"width": width, "height": 844})
    expect(page.get_by_text("2 rules")).to_be_visible()
    for opened in (False, True):
        if opened:
            page.get_by_role("button", name="Add a rule").click()
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_shows_which_key_lacks_the_scope(open_page: Open, shop: Shop) -> None:
    page = open_page("#/rules", refused=True)
    page.route("**/rules?**", lambda route: route.fulfill(status=403, json={"error": "Forbidden", "what": "the key 'shop' does not open 'rules'"}))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("This key does not open that")
