"""What runs is never edited, arms of two experiments do not cross, and what happened to each stays."""

import threading
from typing import Any

import pytest

from goeswith.errors import ConfigError
from goeswith.experiments.registry import experiments_path, find_experiment, read_experiments, start_experiment, stop_experiment
from goeswith.profile import Profile
from goeswith_client.experiments import Experiment, Experiments

ARMS = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "treatment": {"per_category": 2}}]


def start(profile: Profile, name: str = "one", question: str = "complement", **more: Any) -> Experiment:
    values: dict[str, Any] = {"arms": ARMS, "guardrails": [], "salt": "", "why": "to see", **more}
    return start_experiment(profile, name, question, **values)


def test_what_is_started_runs_at_once_and_what_is_stopped_ends_and_stays_listed(profile: Profile) -> None:
    client = Experiments(profile.features)
    assert client.place("complement", "u").trial is None
    begun = start(profile)
    placed = client.place("complement", "u")
    assert placed.trial is not None
    assert placed.trial.arm == begun.assign("u").name
    stop_experiment(profile, "one", "seen")
    assert client.place("complement", "u").trial is None
    (kept,) = read_experiments(profile)
    assert kept.stopped is not None
    assert (kept.started.why, kept.stopped.why, kept.salt) == ("to see", "seen", "one")
    assert kept.started.by == kept.stopped.by != ""
    assert kept.started.at <= kept.stopped.at


def test_one_experiment_runs_on_a_type_of_question_and_no_name_is_used_twice(profile: Profile) -> None:
    start(profile)
    with pytest.raises(ConfigError, match="choose another name"):
        start(profile, question="substitute", arms=[{**arm, "share": 0.5} for arm in ARMS])
    with pytest.raises(ConfigError, match="goeswith experiments stop one"):
        start(profile, "two")
    with pytest.raises(ConfigError, match="same salt"):
        start(profile, "two", "substitute", salt="one")
    start(profile, "two", "substitute")
    stop_experiment(profile, "one", "")
    start(profile, "three", salt="one")
    with pytest.raises(ConfigError, match="choose another name"):
        start(profile, "one", "bundle")
    assert [one.name for one in read_experiments(profile)] == ["one", "two", "three"]


@pytest.mark.parametrize("wrong", [{"name": "a b"}, {"question": "new"}, {"arms": ARMS[:1]}, {"guardrails": [{"metric": "x", "worse_by": 1}]}])
def test_what_is_no_experiment_is_not_started(profile: Profile, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no experiment was started"):
        start(profile, **wrong)
    assert read_experiments(profile) == ()


def test_unknown_and_stopped_ones_cannot_be_stopped_and_damage_is_named(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="experiments: none"):
        stop_experiment(profile, "one", "")
    start(profile)
    stop_experiment(profile, "one", "")
    with pytest.raises(ConfigError, match="was stopped before"):
        stop_experiment(profile, "one", "")
    experiments_path(profile).write_text("[{", encoding="utf-8")
    with pytest.raises(ConfigError, match="from a copy"):
        find_experiment(profile, "one")


def test_of_two_who_start_at_once_on_one_type_only_one_does(profile: Profile) -> None:
    refused: list[ConfigError] = []

    def begin(n: int) -> None:
        try:
            start(profile, f"e{n}")
        except ConfigError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(read_experiments(profile)), len(refused)) == (1, 5)
