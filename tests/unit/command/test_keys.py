"""``goeswith keys``: a key is shown once, listed without what opens, and revoked by its name."""

import json

import pytest
from typer.testing import CliRunner

from goeswith.command.main import app, call
from goeswith.profile import Profile
from serving.gateway.keys import Keys


@pytest.fixture(autouse=True)
def _home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    monkeypatch.setenv("COLUMNS", "200")


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["keys", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_key_is_made_listed_and_revoked(profile: Profile) -> None:
    assert "there is no key" in run("list")
    key = run("create", "--name", "shop", "--scopes", "ask, search").strip()
    found = Keys(profile.keys).find(key)
    assert found is not None
    assert (found.name, found.scopes) == ("shop", ("ask", "search"))
    assert "ask, search" in run("list")
    assert run("revoke", "shop") == "revoked: shop\n"
    assert Keys(profile.keys).find(key) is None
    (listed,) = json.loads(run("list", "--json"))
    assert (listed["name"], listed["scopes"], set(listed)) == ("shop", ["ask", "search"], {"name", "scopes", "created", "revoked"})
    assert listed["revoked"] is not None
    assert key not in run("list") + json.dumps(listed)


def test_what_cannot_be_made_or_revoked_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["keys", "create", "--name", "a b", "--scopes", "ask"]) == 2
    assert call(["keys", "create", "--name", "a", "--scopes", "root"]) == 2
    assert call(["keys", "revoke", "nobody"]) == 2
    said = capsys.readouterr().err
    assert said.count("scopes: ask, search, metrics, dashboard, rules, events") == 2
    assert "no valid key is called 'nobody'" in said
