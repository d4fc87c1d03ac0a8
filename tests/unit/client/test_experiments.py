"""A unit's arm is the same everywhere, shares are kept, and a change of shares moves as few units as it must."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from goeswith_client import Answer, Client, ClientConfig, Exposure, Filters, InvalidRequest, Ranking, Trial
from goeswith_client.experiments import FILE, Arm, Experiment, Experiments, Treatment
from tests.tiny_client import DictFeatures, FakeModels, rank_all

STARTED = {"by": "ann", "at": "2026-01-01T00:00:00Z"}
UNITS = [f"u{n}" for n in range(20_000)]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def experiment(shares: dict[str, float], **more: Any) -> Experiment:
    arms = [{"name": name, "share": share} for name, share in shares.items()]
    return Experiment.model_validate({"name": "lists", "type": "substitute", "salt": "s", "started": STARTED, "arms": arms, **more})


def write(folder: Path, *found: Experiment) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps([one.model_dump(mode="json") for one in found]), encoding="utf-8")
    return folder


LIVE: dict[str, Any] = {"steps": ["model", "category_bestseller"]}
TWO = {"arms": [{"name": "lists", "share": 0.5}, {"name": "live", "share": 0.5, "treatment": LIVE}]}


def make(folder: Path) -> Client:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i2", "i4", "i6"])
    return Client(ClientConfig(features=folder), features=features, models=FakeModels(rank_all()))


def unit_of(found: Experiment, arm: str) -> str:
    return next(unit for unit in UNITS if found.assign(unit).name == arm)


def test_arms_get_their_shares() -> None:
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    counted = Counter(experiment(shares).assign(unit).name for unit in UNITS)
    assert {name: n / len(UNITS) for name, n in counted.items()} == pytest.approx(shares, abs=0.012)


def test_another_process_assigns_the_same_arms() -> None:
    found = experiment({"a": 0.5, "b": 0.5})
    code = f"from goeswith_client.experiments import Experiment; e = Experiment.model_validate_json({found.model_dump_json()!r})"
    code += "; print(''.join(e.assign(f'u{n}').name for n in range(200)))"
    elsewhere = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=elsewhere)
    assert told.stdout.strip() == "".join(found.assign(f"u{n}").name for n in range(200))


def test_of_two_arms_a_change_of_shares_moves_only_what_it_must() -> None:
    before, after = experiment({"a": 0.5, "b": 0.5}), experiment({"a": 0.4, "b": 0.6}, name="again")
    moved = Counter((before.assign(unit).name, after.assign(unit).name) for unit in UNITS)
    assert moved["b", "a"] == 0
    assert moved["a", "b"] / len(UNITS) == pytest.approx(0.1, abs=0.01)


def test_an_arm_that_grows_takes_units_and_gives_none() -> None:
    before, after = experiment({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}), experiment({"a": 0.5, "b": 0.25, "c": 0.25})
    moved = Counter((before.assign(unit).name, after.assign(unit).name) for unit in UNITS)
    assert {pair for pair in moved if pair[0] != pair[1]} == {("b", "a"), ("c", "a")}


def test_another_salt_is_another_draw() -> None:
    one, other = experiment({"a": 0.5, "b": 0.5}), experiment({"a": 0.5, "b": 0.5}, salt="t")
    same = sum(one.assign(unit).name == other.assign(unit).name for unit in UNITS) / len(UNITS)
    assert same == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.4}]}, "add up to 0.9"),
        ({"arms": [{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}]}, "same name"),
        ({"arms": [{"name": "a", "share": 0.5}]}, "at least 2"),
        ({**TWO, "type": "bundle"}, "no steps"),
        ({"arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "treatment": {"model": "x"}}]}, "Extra inputs"),
        ({"arms": [{"name": "a/b", "share": 0.5}, {"name": "b", "share": 0.5}]}, "pattern"),
    ],
)
def test_what_is_no_experiment_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        experiment({"a": 0.5, "b": 0.5}, **changed)


@pytest.mark.parametrize("steps", [(), ("model", "precomputed"), ("model", "model"), ("magic",)])
def test_steps_are_the_chains_in_its_order(steps: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        Treatment.model_validate({"steps": steps})


def test_an_answer_says_its_trial_and_takes_the_arms_steps(tmp_path: Path) -> None:
    found = experiment({}, **TWO)
    client = make(write(tmp_path, found))
    for arm, source in {"lists": "precomputed", "live": "model"}.items():
        answer = client.substitutes("i0", 2, unit=unit_of(found, arm))
        assert (answer.trial, answer.source) == (Trial(experiment="lists", arm=arm), source)
    assert client.complements("i0", 2, unit="u1").trial is None
    assert client.substitutes("i0", 2).trial is None


def test_a_hold_out_of_bestsellers_asks_neither_lists_nor_model(tmp_path: Path) -> None:
    found = experiment({}, arms=[{"name": "all", "share": 0.5}, {"name": "none", "share": 0.5, "treatment": {"steps": ["category_bestseller"]}}])
    client = make(write(tmp_path, found))
    client.features.best["racket"] = ["i8", "i10"]  # type: ignore[attr-defined]  # of DictFeatures
    answer = client.substitutes("i0", 5, unit=unit_of(found, "none"))
    assert ([item.item_id for item in answer.items], answer.source, answer.notes) == (["i8", "i10"], "category_bestseller", ())


def test_filters_of_an_arm_hold_where_the_caller_says_nothing() -> None:
    treatment = Treatment(per_category=1, no_variants=True)
    assert treatment.fill(Filters(brand="b")) == Filters(brand="b", per_category=1, no_variants=True)
    assert treatment.fill(Filters(per_category=0)).per_category == 0
    assert Treatment().fill(Filters(no_variants=True)).no_variants


def test_a_bundle_is_answered_with_its_arms_filters(tmp_path: Path) -> None:
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "treatment": {"per_category": 1}}]
    found = experiment({}, type="bundle", arms=arms)
    answer = make(write(tmp_path, found)).bundle(["i0"], 5, unit=unit_of(found, "b"))
    assert answer.trial == Trial(experiment="lists", arm="b")
    assert len({item.category for item in answer.items}) == len(answer.items) == 2


def test_an_arms_ranking_holds_where_the_question_brings_none(tmp_path: Path) -> None:
    dear = {"ranking": {"price_band": 0.01, "price_required": True}}  # nothing costs what the query costs: prices are 0, 1, 2, …
    found = experiment({}, arms=[{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "treatment": dear}])
    client, unit = make(write(tmp_path, found)), unit_of(found, "b")
    assert [len(client.substitutes("i2", 3, ranking=ranking, unit=unit).items) for ranking in (None, Ranking(), Ranking(diversity=0))] == [0, 0, 3]


def test_questions_about_many_items_are_of_the_units_arm_too(tmp_path: Path) -> None:
    found = experiment({}, **TWO)
    answers = make(write(tmp_path, found)).substitutes_of_each(["i0", "i1"], 2, unit=unit_of(found, "live"))
    assert [(answer.trial, answer.source) for answer in answers if isinstance(answer, Answer)] == [
        (Trial(experiment="lists", arm="live"), "model")
    ] * 2


def test_a_stopped_experiment_places_nobody_and_still_knows_whom_it_placed(tmp_path: Path) -> None:
    found = experiment({"a": 0.5, "b": 0.5}, stopped=STARTED)
    held = Experiments(write(tmp_path, found))
    assert held.place("substitute", "u1").trial is None
    mine = Trial(experiment="lists", arm=found.assign("u1").name)
    assert held.is_assigned(mine, "u1")
    assert held.is_assigned(mine, "u1", "substitute")
    assert not held.is_assigned(mine, "u1", "complement")
    assert not held.is_assigned(mine, unit_of(found, "b" if mine.arm == "a" else "a"))
    assert not held.is_assigned(Trial(experiment="other", arm="a"), "u1")


def test_a_file_that_is_replaced_is_read_and_a_damaged_one_ends_no_answer(tmp_path: Path) -> None:
    client = make(tmp_path)
    assert client.substitutes("i0", unit="u1").trial is None
    write(tmp_path, experiment({"a": 0.5, "b": 0.5}))
    assert client.substitutes("i0", unit="u1").trial is not None
    (tmp_path / FILE).write_text("[{]", encoding="utf-8")
    assert client.substitutes("i0", unit="u1").trial is None


@pytest.mark.parametrize("unit", ["a b", "a\n", "\x00", "\ud800", "x" * 257])
def test_an_odd_unit_is_refused_and_not_repeated(tmp_path: Path, unit: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(tmp_path).substitutes("i0", unit=unit)
    assert unit not in str(caught.value)


def test_every_answer_has_an_id_of_its_own(tmp_path: Path) -> None:
    client = make(tmp_path)
    found = [client.substitutes("i0"), client.substitutes("i0"), client.bundle(["i0"]), client.make_bundle("i0"), client.new_item(title="x")]
    assert len({answer.answer_id for answer in found}) == len(found)


def test_an_exposure_tells_what_was_shown_of_an_answer(tmp_path: Path) -> None:
    client = make(tmp_path)
    answer = client.substitutes("i0", 3)
    event = Exposure.of(answer, "u1", NOW, shown=2)
    assert (event.items, event.query, event.type, event.source, event.unsure) == (("i2", "i4"), ("i0",), "substitute", "precomputed", False)
    assert event.event_id == Exposure.of(answer, "u1", NOW).event_id
    assert Exposure.of(client.new_item(title="x" * 300), "u1", NOW).query == ()


def test_an_arm_is_an_arm_without_a_treatment() -> None:
    assert Arm(name="a", share=0.5).treatment == Treatment()
