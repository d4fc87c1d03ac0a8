"""The catalogue is found by words, whatever somebody types, and follows the release."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from goeswith import releases
from goeswith.profile import Profile
from goeswith_client import Client, ClientConfig, Item
from serving.gateway.app import build_app
from serving.gateway.catalogue_index import CatalogueIndex
from serving.gateway.explorer import add_explorer
from serving.gateway.newest import NewestRelease
from serving.gateway.search import MAX_FOUND, MAX_QUESTION_CHARS, CatalogueSearch
from serving.nearest import NearestIds
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_shop import item_rows, write_rows, write_tiny_lake

NAMES = {
    "a1": ("Frying pan, non-stick", "Olla", ("kitchen", "pan")),
    "a2": ("Pancake turner", "Olla", ("kitchen", "spatula")),
    "b1": ("Crème brûlée dish", None, ("kitchen", "dish")),
    "b2": (None, "Olla", ("office", "pen")),
    "p-107": ("Notebook", "Blatt", ("office",)),
}
INDEX = CatalogueIndex(Item(item_id=i, title=title, brand=brand, category=path) for i, (title, brand, path) in NAMES.items())


def found(question: str, k: int = 10) -> list[str]:
    return [item.item_id for item in INDEX.find(question, k)[0]]


def serve(profile: Profile, features: DictFeatures | None = None) -> TestClient:
    held = features or DictFeatures()
    client = Client(ClientConfig(), features=held, models=FakeModels(rank_all()))
    app: FastAPI = build_app(client, NearestIds(list))
    add_explorer(app, client, profile)
    return TestClient(app)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("pan", ["a1", "a2"]),
        ("fry", ["a1"]),
        ("olla PAN kitch", ["a1", "a2"]),
        ("creme brulee", ["b1"]),
        ("p-107", ["p-107"]),
        ("pen", ["b2"]),
        ("pan zeppelin", ["a1", "a2"]),
        ("zeppelin", []),
        ("  ", []),
    ],
)
def test_words_find_titles_brands_categories_and_ids(question: str, wanted: list[str]) -> None:
    assert sorted(found(question)) == wanted


def test_a_title_counts_more_than_a_brand() -> None:
    index = CatalogueIndex([Item(item_id="1", brand="Mug"), Item(item_id="2", title="mug")])
    assert [item.item_id for item in index.find("mug", 2)[0]] == ["2", "1"]


def test_k_bounds_what_comes_and_the_total_counts_all() -> None:
    items, total = INDEX.find("kitchen", 2)
    assert (len(items), total) == (2, 3)


@given(st.text(max_size=MAX_QUESTION_CHARS))
def test_no_question_breaks_the_index(question: str) -> None:
    assert len(found(question)) <= len(NAMES)


@pytest.mark.parametrize("question", ['"', "a AND", "NEAR(", "* OR *", "title:pan", "^", "'; DROP TABLE items", "\x00", "-pan", "{}", "_"])
def test_words_of_the_query_language_are_words(question: str) -> None:
    found(question)
    assert found("fry") == ["a1"]


def test_the_route_finds_items_of_the_release_with_their_pictures(profile: Profile) -> None:
    write_tiny_lake(profile)
    answer = serve(profile).get("/search", params={"q": "red rack", "k": 1}).json()
    assert (answer["total"], answer["release"], len(answer["items"])) == (2, "tiny", 1)
    assert answer["items"][0]["category"] == ["sport", "racket"]
    assert answer["items"][0]["image"].endswith(".png")


def test_without_a_word_it_shows_what_sells_best_else_the_first(profile: Profile) -> None:
    write_tiny_lake(profile)
    features = DictFeatures()
    gateway = serve(profile, features)
    assert [item["item_id"] for item in gateway.get("/search", params={"k": 2}).json()["items"]] == ["balls-black-0", "balls-black-1"]
    features.best[""] = ["i5", "gone", "i2"]
    answer = gateway.get("/search", params={"q": " "}).json()
    assert ([item["item_id"] for item in answer["items"]], answer["total"]) == (["i5", "i2"], 60)


def test_a_new_release_is_searched_and_an_old_index_stays_while_the_items_do(profile: Profile) -> None:
    versions = write_tiny_lake(profile)
    search = CatalogueSearch(profile, NewestRelease(profile, recheck_s=0))
    _, first = search.index()
    releases.write_release(profile, "same-items", versions)
    assert search.index() == ("same-items", first)
    new = {**item_rows(profile)[0], "item_id": "new", "title": "zeppelin"}
    releases.write_release(profile, "more", {"items": write_rows(profile, "items", [new])})
    name, index = search.index()
    assert (name, [item.item_id for item in index.find("zeppelin", 5)[0]]) == ("more", ["new"])


def test_the_newest_release_is_looked_up_once_in_a_while(profile: Profile) -> None:
    newest = NewestRelease(profile, recheck_s=60)
    assert newest.get() is None
    write_tiny_lake(profile)
    assert newest.get() is None


@pytest.mark.parametrize("asked", [{"k": 0}, {"k": MAX_FOUND + 1}, {"k": "many"}, {"q": "x" * (MAX_QUESTION_CHARS + 1)}])
def test_bounds_are_refused_as_a_problem(profile: Profile, asked: dict[str, object]) -> None:
    refused = serve(profile).get("/search", params=asked)  # type: ignore[arg-type]  # wrong on purpose
    assert (refused.status_code, refused.json()["error"]) == (422, "InvalidRequest")


def test_before_the_first_release_it_says_what_to_run(profile: Profile) -> None:
    refused = serve(profile).get("/search", params={"q": "pan"})
    assert (refused.status_code, refused.json()["error"]) == (503, "VersionMissing")
    assert "goeswith run ingest" in refused.json()["remedy"]
