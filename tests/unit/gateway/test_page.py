"""The page and the pictures: what is served, under which headers, and what is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from goeswith.pictures import store_picture
from goeswith.profile import Profile
from serving.gateway.assets import PAGE, add_page
from serving.gateway.pictures import add_pictures
from tests.tiny_shop import COLOURS, draw_picture

SCRIPTS = sorted(PAGE.rglob("*.js"))


@pytest.fixture
def gateway(profile: Profile) -> Iterator[TestClient]:
    app = FastAPI()
    add_page(app)
    add_pictures(app, profile)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def reference(profile: Profile) -> str:
    return store_picture(profile.pictures, draw_picture(COLOURS["red"], "racket"))


def test_every_file_that_the_page_names_is_served_with_the_policy(gateway: TestClient) -> None:
    page = gateway.get("/")
    assert page.headers["content-type"].startswith("text/html")
    named = set(re.findall(r'(?:href|src)="(page/[^"#]+)"', page.text))
    assert {"page/main.js", "page/style.css", "page/icon.svg"} <= named
    for answer in (page, *(gateway.get(f"/{path}") for path in named)):
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_the_page_holds_no_inline_code_and_loads_nothing_from_elsewhere(gateway: TestClient) -> None:
    text = gateway.get("/").text
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", text)
    for path in PAGE.rglob("*.*"):
        found = re.findall(r"https?://[^\s\"']+", path.read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_module_makes_markup_from_text(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_each_module_imports_files_that_are_there(path: Path) -> None:
    for named in re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8")):
        assert (path.parent / named).is_file()


def test_an_unchanged_file_is_not_sent_again(gateway: TestClient) -> None:
    first = gateway.get("/page/style.css")
    again = gateway.get("/page/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page/nothing.js", "/page/"])
def test_nothing_but_the_pages_files_is_served(gateway: TestClient, path: str) -> None:
    assert gateway.get(path).status_code == 404


def test_a_picture_comes_as_what_it_is_and_may_be_kept_for_good(gateway: TestClient, profile: Profile, reference: str) -> None:
    found = gateway.get(f"/pictures/{reference}")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert found.content == (profile.pictures / reference).read_bytes()
    assert found.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = gateway.get(f"/pictures/{reference}", headers={"if-none-match": found.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", found.headers["etag"])


@pytest.mark.parametrize(
    "wrong",
    [
        "nothing.png",
        "ab/x.png",
        "00/" + "0" * 64 + ".png",
        "ab/" + "0" * 64 + ".png",
        "../lake/items.png",
        "%2e%2e/summary.json",
        "x" * 5000,
        "a%00b",
    ],
)
def test_what_is_no_stored_picture_is_404_with_a_remedy(gateway: TestClient, reference: str, wrong: str) -> None:
    refused = gateway.get(f"/pictures/{wrong}")
    assert refused.status_code == 404
    assert gateway.get(f"/pictures/{reference.replace('.png', '.svg')}").json()["error"] == "UnknownPicture"
