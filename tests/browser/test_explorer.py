"""A person finds an item, sees what replaces it, goes with it and completes it, and asks why; by mouse, by keys, on a phone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Shop
from tests.browser.shop import HOSTILE, LONG, PROMPT, SCRIPT, SEED
from tests.tiny_shop import COLOURS

Open = Callable[..., Page]
ITEM = f"#/item/{SEED}"


def column(page: Page, name: str) -> list[str]:
    """Return the titles of a column's answers."""
    rows = page.get_by_role("region", name=name).locator(".row-title")
    expect(rows.first).to_be_visible()
    return rows.all_inner_texts()


def test_a_search_leads_to_an_item_and_its_three_lists(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("heading", level=1)).to_contain_text("What replaces it")
    page.get_by_role("searchbox").fill("red rack")
    expect(page.get_by_role("heading", name="2 items for “red rack”")).to_be_visible()
    assert page.url.endswith("#/?q=red+rack")
    page.get_by_role("link", name="red racket model 0").click()
    expect(page.get_by_role("heading", name="red racket model 0")).to_be_visible()
    expect(page.get_by_role("img", name="Picture of red racket model 0")).to_be_visible()
    assert column(page, "Substitutes")[0] == "red racket model 1"
    assert column(page, "Complements")[:2] == ["red balls model 0", "red balls model 1"]
    assert "racket" not in column(page, "Bundle")[0]
    assert page.title() == "red racket model 0 · goeswith"


def test_an_answer_shows_score_reason_source_and_how_sure_it_is(open_page: Open) -> None:
    first = open_page(ITEM).get_by_role("region", name="Substitutes")
    row = first.locator(".row").first
    expect(row).to_contain_text("0.90")
    expect(row).to_contain_text("bought together 5 times, lift 4.0")
    expect(row.get_by_text("sure", exact=True)).to_be_visible()
    expect(row.get_by_text("out of stock")).to_be_visible()
    expect(first.get_by_text("precomputed", exact=True)).to_be_visible()
    expect(first.get_by_text("unsure").first).to_be_visible()
    expect(first.get_by_text("features 3 h old")).to_be_visible()


def test_pictures_come_from_the_store(open_page: Open) -> None:
    page = open_page(ITEM)
    loaded = "() => { const all = [...document.images]; return all.length > 5 && all.every((one) => one.complete && one.naturalWidth > 0); }"
    page.wait_for_function(loaded)


def why_red_balls(page: Page) -> Locator:
    """Return one link and no other: the bundle holds the same item, and which column is there first is chance."""
    return page.get_by_role("region", name="Complements").get_by_role("link", name="Why red balls model 0?")


def test_the_why_panel_holds_counts_verdict_modalities_and_versions(open_page: Open) -> None:
    page = open_page(ITEM)
    why_red_balls(page).click()
    panel = page.get_by_role("dialog", name="Why these two?")
    for words in ("bought together 5 times", "5×", "lift", "4.0", "Judge rules says complement with 90%", "No. 1 of the complements"):
        expect(panel).to_contain_text(words)
    for words in (PROMPT[:12], "text", "image", "items v3", "relations v2", "Made from, 3 h old"):
        expect(panel).to_contain_text(words)
    assert page.url.endswith("why=balls-red-0")
    page.reload()
    expect(panel).to_contain_text("bought together 5 times")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page).not_to_have_url(re.compile("why="))  # the address follows the panel


def test_back_closes_the_panel_and_then_leaves_the_item(open_page: Open) -> None:
    page = open_page("#/?q=red")
    page.get_by_role("link", name="red racket model 0").click()
    why_red_balls(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("red racket model 0")
    page.go_back()
    expect(page.get_by_role("heading", name="12 items for “red”")).to_be_visible()


def test_escape_closes_the_panel_as_back_does_and_leads_to_where_it_was_asked(open_page: Open) -> None:
    page = open_page("#/?q=red")
    page.get_by_role("link", name="red racket model 0").click()
    why = why_red_balls(page)
    why.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(why).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="12 items for “red”")).to_be_visible()


def test_filters_narrow_the_answers_and_stand_in_the_address(open_page: Open) -> None:
    page = open_page(ITEM)
    assert "red racket model 1" in column(page, "Substitutes")
    page.get_by_text("Filters").click()
    page.get_by_label("In stock").check()
    first = page.get_by_role("region", name="Substitutes").locator(".row-title")
    expect(first.filter(has_text="red racket model 1")).to_have_count(0)
    page.get_by_label("Highest price").fill("10.5")
    page.get_by_label("Highest price").press("Tab")
    expect(page.get_by_role("region", name="Complements").get_by_text("€11.00")).to_have_count(0)
    assert "in_stock=true" in page.url
    assert "max_price=10.5" in page.url
    page.reload()
    expect(page.get_by_label("In stock")).to_be_checked()
    page.get_by_role("button", name="Clear").click()
    expect(first.filter(has_text="red racket model 1")).to_have_count(1)


def test_filters_that_leave_nothing_say_so(open_page: Open) -> None:
    page = open_page(f"{ITEM}?max_price=0.5")
    expect(page.get_by_text("Nothing that fits")).to_have_count(3)
    expect(page.get_by_text("Fewer filters leave more room.").first).to_be_visible()


def test_a_title_that_is_a_script_stays_a_title(open_page: Open) -> None:
    page = open_page(ITEM)
    assert SCRIPT in column(page, "Substitutes")
    page.goto(page.url.split("#")[0] + f"#/item/{HOSTILE}")
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    page.goto(page.url.split("#")[0] + "#/?q=%3Cscript%3E")
    expect(page.get_by_role("heading", name="1 item for “<script>”")).to_be_visible()
    assert page.locator("main script").count() == 0


def test_the_page_may_run_nothing_but_its_own_files(open_page: Open, shop: Shop) -> None:
    page = open_page()
    answer = page.request.get(shop.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if not request.url.startswith(shop.url) else None)
    page.goto(shop.url + ITEM)
    column(page, "Bundle")
    assert elsewhere == []


def test_keys_alone_search_choose_and_close(open_page: Open) -> None:
    page = open_page()
    expect(page.locator(".card").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("racket")
    expect(page.get_by_role("heading", name="items for “racket”")).to_be_visible()
    page.keyboard.press("ArrowDown")
    cards = page.locator(".card-link")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") > cards.nth(1).evaluate("one => one.getBoundingClientRect().top")
    page.keyboard.press("Home")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Substitutes").locator(".row").first).to_be_visible()


def test_the_skip_link_leads_past_the_header(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_dark_mode_follows_the_system_until_somebody_chooses(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    toggle = page.get_by_role("button", name="Dark mode")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(paper) != dark
    page.reload()
    expect(toggle).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(
    "view",
    [
        "",
        "#/?q=racket",
        ITEM,
        f"{ITEM}?why=balls-red-0&in_stock=true",
        f"#/item/{LONG}",
        "#/new",
        f"#/bundle?items={SEED},{LONG}&budget=30",
        "#/dashboard",
    ],
)
def test_a_phone_shows_every_view_without_scrolling_sideways(open_page: Open, view: str) -> None:
    page = open_page(view, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    expect(page.locator("h1").first).to_be_attached()
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_an_unknown_item_says_so_and_names_the_nearest(open_page: Open) -> None:
    page = open_page("#/item/racket-red-9", refused=True)
    told = page.get_by_role("alert").first
    expect(told).to_contain_text("no item is called 'racket-red-9'")
    expect(page.get_by_role("region", name="Substitutes")).to_be_hidden()
    told.get_by_role("link", name=SEED).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("red racket model 0")


def test_a_search_without_a_hit_says_what_to_try(open_page: Open) -> None:
    page = open_page("#/?q=zeppelin")
    expect(page.get_by_role("heading", name="Nothing for “zeppelin”")).to_be_visible()
    expect(page.get_by_text("Try fewer or other words")).to_be_visible()


def test_an_address_that_names_no_view_says_so(open_page: Open) -> None:
    expect(open_page("#/nowhere").get_by_text("There is no such page.")).to_be_visible()


def test_models_that_are_away_are_named_and_asked_again(open_page: Open, shop: Shop) -> None:
    ranker, shop.models.ranker = shop.models.ranker, None
    page = open_page("#/item/pen-red-0", refused=True)
    told = page.get_by_role("region", name="Bundle").get_by_role("list")
    expect(told.first).to_be_visible()
    page = open_page("#/new", refused=True)
    page.get_by_label("Title").fill("red racket")
    page.get_by_role("button", name="Find its place").click()
    told = page.get_by_role("region", name="Substitutes").get_by_role("alert")
    expect(told).to_contain_text("The models are away")
    expect(told).to_contain_text("start it: goeswith up")
    shop.models.ranker = ranker
    told.get_by_role("button", name="Try again").click()
    assert len(column(page, "Substitutes")) == 8


def test_every_colour_of_the_shop_can_be_found(open_page: Open) -> None:
    page = open_page()
    for colour in COLOURS:
        page.get_by_role("searchbox").fill(colour)
        expect(page.get_by_role("heading", name=f"items for “{colour}”")).to_be_visible()
        expect(page.locator(".card-title").first).to_contain_text(colour)
