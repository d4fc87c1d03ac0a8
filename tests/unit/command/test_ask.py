"""``ask`` prints what the gateway answers, and turns its refusals into errors of the tree."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer import Typer
from typer.testing import CliRunner

from goeswith.command import ask
from goeswith.command.asking_gateway import Gateway
from goeswith.errors import ConfigError, ModelUnavailable, UnknownItem
from goeswith.ports import free_ports
from goeswith_client import Client, ClientConfig
from serving.gateway.app import build_app
from serving.nearest import NearestIds
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_pictures import png_that_claims

app = Typer()
app.add_typer(ask.app)
app.command()(ask.explain)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """Serve a client over dicts on a free port that the profile names."""
    features = DictFeatures()
    features.known["i1"] = features.known["i1"].model_copy(update={"title": "[red] racket"})
    client = Client(ClientConfig(), features=features, models=FakeModels(rank_all()))
    port = free_ports(1)[0]
    monkeypatch.setenv("GOESWITH_GATEWAY__PORT", str(port))
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    server = uvicorn.Server(uvicorn.Config(build_app(client, NearestIds(lambda: sorted(features.known))), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield port
    server.should_exit = True
    thread.join()


def run(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


@pytest.mark.usefixtures("gateway")
def test_answers_are_a_table_with_source_and_versions() -> None:
    shown = run("ask", "substitutes", "i0", "-k", "2")
    assert "item 2" in shown
    assert "[red] racket" in shown
    assert "source model; release r1, models 7, features 1.0 h old" in shown
    assert "note: no precomputed neighbours" in shown


@pytest.mark.usefixtures("gateway")
def test_as_json_the_answer_is_the_gateways(tmp_path: Path) -> None:
    picture = tmp_path / "new.png"
    picture.write_bytes(png_that_claims(8, 8))
    answers = [
        json.loads(run("ask", *question, "--json", "-k", "3"))
        for question in (
            ("complements", "i0", "--in-stock", "--max-price", "6"),
            ("bundle", "i0", "i1"),
            ("new", "--title", "red racket", "--image", str(picture)),
        )
    ]
    assert [[item["item_id"] for item in answer["items"]] for answer in answers] == [["i1", "i2", "i4"], ["i2", "i3", "i4"], ["i0", "i1", "i2"]]


@pytest.mark.usefixtures("gateway")
def test_a_bundle_is_made_around_an_item_and_what_is_missing_is_noted() -> None:
    shown = run("ask", "make-bundle", "i0", "--size", "3", "--budget", "9")
    assert "a bundle around i0" in shown
    assert "note: nothing of another kind completes these 2 items for 8.00" in shown
    mixed = json.loads(run("ask", "bundle", "i0", "--no-variants", "--per-category", "1", "--json"))
    assert [item["item_id"] for item in mixed["items"]] == ["i1", "i2"]


@pytest.mark.usefixtures("gateway")
def test_explain_prints_reasons_and_versions() -> None:
    shown = run("explain", "i0", "i1")
    assert "no edge and no list holds this pair" in shown
    assert "both have: text, image" in shown
    assert json.loads(run("explain", "i0", "i1", "--json"))["a"]["item_id"] == "i0"


@pytest.mark.usefixtures("gateway")
def test_an_unknown_id_is_an_error_with_the_nearest_ids() -> None:
    with pytest.raises(UnknownItem, match="did you mean i1"):
        run("ask", "substitutes", "i111")


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    "question", [("substitutes", "i0", "-k", "0"), ("new", "--image", "/nowhere.png"), ("new", "--title", "x", "--type", "friend")]
)
def test_a_bad_option_is_a_config_error(question: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        run("ask", *question)


def test_without_a_gateway_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_GATEWAY__PORT", str(free_ports(1)[0]))
    with pytest.raises(ModelUnavailable, match="goeswith up, or ask with --local"):
        run("ask", "substitutes", "i0")


def test_scores_tell_how_far_items_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = {"score": 0.7, "standing": 3.14}
    pairs: list[dict[str, Any]] = [
        {"src": "i0", "dst": "i1", "type": "substitute", "substitute": scored, "complement": {"score": -0.1, "standing": -0.5}}
    ]
    pairs += [{"src": "i0", "dst": "[i2]", "type": None, "substitute": None, "complement": None}]
    versions = {"release": "r1", "model_version": "run/7", "features_age_s": None}
    monkeypatch.setattr(Gateway, "_ask", lambda *_: {"pairs": pairs, "versions": versions, "notes": ["'relations' refused '[i2]'"]})
    lines = run("ask", "score", "i0", "i1", "[i2]").splitlines()
    assert any(all(word in line for word in ("i1", "+3.1", "-0.5", "substitute")) for line in lines)
    assert any("[i2]" in line and line.count("unknown") == 2 and "neither" in line for line in lines)
    assert "release r1, models run/7" in lines[-2]
