"""axe-core finds nothing serious in any view, in either colour scheme."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.shop import LONG, SEED

VIEWS = {
    "explore": "",
    "search": "#/?q=racket",
    "nothing found": "#/?q=zeppelin",
    "item": f"#/item/{SEED}?in_stock=true",
    "long title": f"#/item/{LONG}",
    "why": f"#/item/{SEED}?why=balls-red-0",
    "unknown item": "#/item/racket-red-9",
    "new": "#/new",
    "empty bundle": "#/bundle",
    "bundle": f"#/bundle?items={SEED},pan-blue-0&budget=15",
    "rules": "#/rules",
    "history of the rules": "#/rules?show=history",
    "dashboard": "#/dashboard",
    "no such page": "#/nowhere",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(open_page: Callable[..., Page], view: str, scheme: str) -> None:
    page = open_page(VIEWS[view], refused=view == "unknown item", color_scheme=scheme, bypass_csp=True)
    expect(page.locator("h1, [role=alert]").first).to_be_attached()
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
