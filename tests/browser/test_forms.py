"""New items by picture and title, bundles within a budget, keys where the gateway wants one, and the dashboard."""

import base64
import re
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from goeswith.pictures import read_picture
from goeswith.profile import Profile
from tests.browser.conftest import Shop
from tests.browser.lock import KEY, WantsKey
from tests.browser.shop import SEED

Open = Callable[..., Page]


def rows(page: Page, name: str) -> list[str]:
    found = page.get_by_role("region", name=name).locator(".row-title")
    expect(found.first).to_be_visible()
    return found.all_inner_texts()


def test_a_new_item_gets_its_answers_from_title_and_picture(open_page: Open, shop: Shop, home: Profile) -> None:
    page, data = open_page("#/new"), read_picture(home.pictures, shop.features.known[SEED].image or "")
    page.get_by_label("Title").fill("striped racket")
    with page.expect_request("**/ask/new"):
        page.get_by_label("Picture").set_input_files({"name": "new.png", "mimeType": "image/png", "buffer": data})
    expect(page.get_by_role("img", name="Picture new.png")).to_be_visible()
    assert len(rows(page, "Substitutes")) == len(rows(page, "Complements")) == 8
    expect(page.get_by_role("region", name="Substitutes").get_by_text("content alone")).to_be_visible()
    asked = [values for model, values in shop.models.asked if model == "new_item"][-2:]
    assert {values["type"] for values in asked} == {"substitute", "complement"}
    assert all((values["title"], values["image"]) == ("striped racket", data) for values in asked)


def test_a_picture_can_be_dropped_onto_the_form(open_page: Open, shop: Shop, home: Profile) -> None:
    page = open_page("#/new")
    data = base64.b64encode(read_picture(home.pictures, shop.features.known[SEED].image or "")).decode()
    held = page.evaluate_handle(
        """data => { const held = new DataTransfer(); const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        held.items.add(new File([bytes], "dropped.png", { type: "image/png" })); return held; }""",
        data,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": held})
    expect(page.get_by_role("img", name="Picture dropped.png")).to_be_visible()
    assert len(rows(page, "Substitutes")) == 8


def test_a_new_item_without_anything_is_asked_for_something(open_page: Open) -> None:
    page = open_page("#/new")
    page.get_by_role("button", name="Find its place").click()
    expect(page.get_by_role("alert")).to_contain_text("Give a title, or a picture.")
    expect(page.get_by_label("Title")).to_be_focused()


def test_a_file_that_is_no_picture_is_refused_before_it_is_sent(open_page: Open) -> None:
    page = open_page("#/new")
    page.get_by_label("Picture").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is no JPEG or PNG")


def test_an_empty_bundle_offers_items_to_start_with(open_page: Open) -> None:
    page = open_page("#/bundle")
    expect(page.get_by_text("Nothing in it yet")).to_be_visible()
    page.get_by_role("button", name="Add to bundle: red racket model 0").click()
    expect(page.get_by_text("1 item", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Bundle 1")).to_be_visible()
    assert f"items={SEED}" in page.url


def test_a_bundle_is_filled_within_its_budget(open_page: Open) -> None:
    page = open_page(f"#/bundle?items={SEED}")
    page.get_by_label("Budget").fill("32")
    page.get_by_label("Items").fill("3")
    page.get_by_role("button", name="Fill it for me").click()
    expect(page.get_by_text("3 items", exact=True)).to_be_visible()
    expect(page.get_by_text("€2.00 left of €32.00")).to_be_visible()
    assert "budget=32" in page.url
    expect(page.get_by_text("Nothing that fits the budget")).to_be_visible()
    page.get_by_role("button", name="Take out: red racket model 0").click()
    expect(page.get_by_text("€12.00 left of €32.00")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("3 items", exact=True)).to_be_visible()


def test_a_bundle_grows_by_what_completes_it(open_page: Open) -> None:
    page = open_page(f"#/item/{SEED}")
    page.get_by_role("button", name="Add to bundle", exact=False).first.click()
    page.get_by_role("link", name="Bundle 1").click()
    first = rows(page, "Completes it")[0]
    page.get_by_role("button", name=f"Add: {first}").click()
    expect(page.get_by_text("2 items", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Your bundle").get_by_role("link", name=first)).to_be_visible()
    page.get_by_role("link", name="Why ").first.click()
    expect(page.get_by_role("dialog", name="Why these two?")).to_contain_text("red racket model 0")


def test_a_budget_below_what_is_in_it_says_by_how_much(open_page: Open) -> None:
    page = open_page(f"#/bundle?items={SEED},pan-blue-0&budget=15")
    expect(page.get_by_text("€5.00 over the budget")).to_be_visible()


def test_the_dashboard_shows_versions_gates_coverage_freshness_and_figures(open_page: Open) -> None:
    page = open_page("#/dashboard")
    for words in (
        "explorer",
        "1 of 2",
        "3 h old",
        "96.8%",
        "price is at least 0 in 12 rows",
        "tiny, all: 60 cases",
        "within 7 d",
        "week-2 · 10% of requests",
    ):
        expect(page.get_by_text(words).first).to_be_visible()
    expect(page.get_by_role("row", name="mmsc 0.710 [0.690, 0.730]")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(r"canary version 2 week-2 a new picture tower <script>"))).to_be_visible()


@pytest.fixture
def locked(shop: Shop) -> Iterator[FastAPI]:
    """Let the gateway want a key."""
    WantsKey.enabled = True
    yield shop.app
    WantsKey.enabled = False


@pytest.mark.usefixtures("locked")
def test_a_key_is_asked_for_once_and_sent_with_everything(open_page: Open) -> None:
    page = open_page(f"#/item/{SEED}", refused=True)
    ask = page.get_by_role("dialog", name="API key")
    ask.get_by_label("Key").fill("wrong")
    ask.get_by_role("button").click()
    expect(ask).to_contain_text("refused that key")
    ask.get_by_label("Key").fill(KEY)
    ask.get_by_role("button").click()
    expect(ask).to_be_hidden()
    assert len(rows(page, "Substitutes")) == len(rows(page, "Bundle")) == 8
    page.wait_for_function("() => { const all = [...document.images]; return all.length > 5 && all.every((one) => one.naturalWidth > 0); }")
    page.reload()
    assert rows(page, "Complements")
    expect(ask).to_be_hidden()


@pytest.mark.usefixtures("locked")
def test_without_a_key_every_part_says_that_it_needs_one(open_page: Open) -> None:
    page = open_page("#/dashboard", refused=True)
    expect(page.get_by_role("dialog", name="API key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("This gateway wants an API key.")
