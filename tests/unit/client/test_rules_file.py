"""The rules' file: taken up at once, never believed when it is damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from goeswith_client import Answer, Client, ClientConfig, Item, RulesUnavailable
from goeswith_client.feast_features import FeastFeatures
from goeswith_client.rulebook import NO_RULES
from goeswith_client.rules import MAX_RULES
from goeswith_client.rules_file import RULES_FILE, RulesFile
from tests.tiny_client import DictFeatures, FakeModels, rank_all

I1 = Item(item_id="i1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / RULES_FILE


def put(path: Path, text: str) -> None:
    """Replace the file as a change of the rules does."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def banning(*items: str) -> str:
    return json.dumps({"version": 1, "rules": [{"rule_id": f"r{n}", "kind": "ban", "item": item} for n, item in enumerate(items, 1)]})


def bans(file: RulesFile, item: str = "i1") -> bool:
    return file.read().about([Item(item_id="i0")], "substitute").against(Item(item_id=item)) is not None


def test_without_a_file_there_are_no_rules(path: Path) -> None:
    assert RulesFile(path).read() is NO_RULES


def test_a_change_holds_from_the_next_question_on(path: Path) -> None:
    file = RulesFile(path)
    for items, held in ((["i1"], True), ([], False), (["i2", "i1"], True)):
        put(path, banning(*items))
        assert bans(file) is held
    assert file.read() is file.read()


DAMAGED = ['{"version": 1, "rules": [{"rule_id": "r1", "ki', "", "[]", "null", '{"version": 1}', "\x00", "[" * 100_000]


@pytest.mark.parametrize("text", [*DAMAGED, banning("i1").replace('"ban"', '"bann"'), banning(*["i1"] * (MAX_RULES + 1))], ids=lambda text: text[:20])
def test_a_damaged_file_leaves_the_last_good_rules_or_refuses(path: Path, text: str) -> None:
    put(path, text)
    with pytest.raises(RulesUnavailable, match="goeswith rules export"):
        RulesFile(path).read()
    file = RulesFile(path)
    put(path, banning("i1"))
    assert bans(file)
    put(path, text)
    assert bans(file)
    assert file.read().notes == ("rules.json cannot be read: the last good rules hold",)
    put(path, banning("i2"))
    assert not bans(file)
    assert file.read().notes == ()


def test_a_file_that_is_gone_forbids_what_it_forbade(path: Path) -> None:
    file = RulesFile(path)
    put(path, banning("i1"))
    assert bans(file)
    path.unlink()
    assert bans(file)
    assert "is gone" in file.read().note


def test_a_folder_that_cannot_be_read_is_a_damaged_file(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    file = RulesFile(folder / RULES_FILE)
    folder.mkdir()
    put(folder / RULES_FILE, banning("i1"))
    assert bans(file)
    (folder / RULES_FILE).unlink()
    folder.rmdir()
    folder.write_text("no folder")
    assert bans(file)
    with pytest.raises(RulesUnavailable):
        RulesFile(folder / RULES_FILE).read()


def test_the_features_of_a_deployment_bring_the_rules_of_their_folder(path: Path) -> None:
    features = FeastFeatures(path.parent)
    assert features.rules() is NO_RULES
    put(path, banning("i1"))
    assert features.rules().bans


def test_answers_and_health_say_where_rules_are_not_the_newest() -> None:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i1"])
    features.rulebook = type(NO_RULES)(note="rules.json is damaged")
    client = Client(ClientConfig(), features=features, models=FakeModels(rank_all()))
    assert client.substitutes("i0", 1).notes == ("rules.json is damaged",)
    assert client.bundle(["i0"], 1).notes[0] == "rules.json is damaged"
    assert client.health().notes == ("rules.json is damaged",)
    assert client.health().features


class Without(DictFeatures):
    """Features whose rules cannot be read."""

    def rules(self) -> object:  # type: ignore[override]
        """Refuse."""
        raise RulesUnavailable("rules.json is damaged", "goeswith rules export")


def test_without_any_rules_that_can_be_read_nothing_is_answered_and_health_says_so() -> None:
    client = Client(ClientConfig(), features=Without(), models=FakeModels())  # type: ignore[arg-type]
    about: list[Callable[[], Answer]] = [lambda: client.substitutes("i0"), lambda: client.bundle(["i0"]), lambda: client.make_bundle("i0")]
    new: list[Callable[[], Answer]] = [lambda: client.new_item(title="x")]
    for ask in about + new:
        with pytest.raises(RulesUnavailable):
            ask()
    assert not client.health().features
