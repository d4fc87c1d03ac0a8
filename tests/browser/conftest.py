"""Real Chromium, once for the session, before the real gateway on a free port of the loopback."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from goeswith.ports import free_ports
from goeswith.profile import Profile, load_profile
from goeswith_client import Client, ClientConfig
from serving.gateway.app import build_app
from serving.gateway.explorer import add_explorer
from serving.nearest import NearestIds
from serving.rules.table import rules_path
from tests.browser.lock import WantsKey
from tests.browser.shop import TinyFeatures, models_of, write_shop
from tests.debian import require
from tests.tiny_client import FakeModels

CHROMIUM = "/usr/bin/chromium"
NETWORK = "Failed to load resource"
"""What Chromium itself says of an answer above 399; the page shows these, and tests of such answers expect them."""


@dataclass(slots=True)
class Shop:
    """The tiny shop's gateway, and the seams that a test may pull: features and models."""

    url: str
    app: FastAPI
    features: TinyFeatures
    models: FakeModels

    @property
    def ranker(self) -> Any:
        """What the models answer by."""
        return self.models.ranker


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return Debian's Chromium, installed where it is missing and this may install it."""
    return require(CHROMIUM, "chromium")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Return the profile below which the shop is written."""
    return load_profile(overrides={"home": tmp_path_factory.mktemp("home")})


@pytest.fixture(scope="session")
def served(home: Profile) -> Iterator[Shop]:
    """Serve the shop until the session ends."""
    rows = write_shop(home)
    features, models, port = TinyFeatures(rows, rules_path(home)), models_of(rows), free_ports(1)[0]
    client = Client(ClientConfig(), features=features, models=models)
    app = build_app(client, NearestIds(lambda: sorted(features.known)))
    add_explorer(app, client, home)
    app.add_middleware(WantsKey)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield Shop(f"http://127.0.0.1:{port}/", app, features, models)
    server.should_exit = True
    thread.join()


@pytest.fixture
def shop(served: Shop) -> Iterator[Shop]:
    """Return the served shop; what a test takes away is there again for the next one."""
    age, ranker = served.features.age, served.models.ranker
    yield served
    served.features.age, served.models.ranker = age, ranker


@pytest.fixture
def open_page(browser: Browser, shop: Shop) -> Iterator[Callable[..., Page]]:
    """Return what opens a view in a fresh context. Whatever the console says of a mistake fails the test."""
    said: list[str] = []
    contexts = []

    def open_it(view: str = "", *, refused: bool = False, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") and not (refused and NETWORK in m.text) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog opened: {dialog.message}"))
        page.goto(shop.url + view)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert said == []
