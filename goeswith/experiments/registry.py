"""The experiments of a deployment: one file beside the features, which clients read; what happened to each is kept."""

import getpass
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.results import hold_file, write_json
from goeswith_client.experiments import EXPERIMENTS, FILE, Change, Experiment

All = tuple[Experiment, ...]


def experiments_path(profile: Profile) -> Path:
    """Return the file that clients of this deployment read."""
    return profile.features / FILE


def read_experiments(profile: Profile) -> All:
    """Return every experiment, the stopped ones too, in the order in which they were started. Raises ``ConfigError`` for a damaged file."""
    path = experiments_path(profile)
    try:
        return EXPERIMENTS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as error:
        raise ConfigError(f"{path} holds no experiments that can be read", "put it back from a copy; until then none runs") from error


def find_experiment(profile: Profile, name: str) -> Experiment:
    """Return an experiment. Raises ``ConfigError`` that lists those there are."""
    known = read_experiments(profile)
    for experiment in known:
        if experiment.name == name:
            return experiment
    raise ConfigError(f"no experiment is called {name!r}", f"experiments: {', '.join(found.name for found in known) or 'none'}")


def start_experiment(
    profile: Profile, name: str, question: str, arms: Sequence[Mapping[str, Any]], guardrails: Sequence[Mapping[str, Any]], salt: str, why: str
) -> Experiment:
    """Start an experiment: from the next question on, units are in its arms; the first arm is the control.

    Raises ``ConfigError`` for what is no experiment, a name that was used before, a type of question that another one runs on, or its salt.
    """
    values = {"name": name, "type": question, "arms": arms, "guardrails": guardrails, "salt": salt or name, "started": _change(why)}
    try:
        new = Experiment.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"no experiment was started: {wrong}", "see docs/experiments.md, or: goeswith experiments start --help") from error

    def add(known: All) -> All:
        _refuse_crossing(known, new)
        return (*known, new)

    _rewrite(profile, add)
    return new


def stop_experiment(profile: Profile, name: str, why: str) -> Experiment:
    """Stop an experiment: from the next question on, nobody is in it; it stays listed. Raises ``ConfigError`` for one that does not run."""
    found = find_experiment(profile, name)
    stopped = found.model_copy(update={"stopped": _change(why)})

    def stop(known: All) -> All:
        if next(one for one in known if one.name == name).stopped is not None:
            raise ConfigError(f"experiment {name!r} was stopped before", "read it out: goeswith experiments readout NAME")
        return tuple(stopped if one.name == name else one for one in known)

    _rewrite(profile, stop)
    return stopped


def _refuse_crossing(known: All, new: Experiment) -> None:
    """Arms of two experiments on one question would cross: neither could tell its own effect."""
    if new.name in {one.name for one in known}:
        raise ConfigError(f"there is an experiment {new.name!r} already", "its arms are never edited: choose another name")
    for one in known:
        if one.stopped is None and one.type == new.type:
            raise ConfigError(f"experiment {one.name!r} runs on questions of type {new.type!r}", f"goeswith experiments stop {one.name}")
        if one.stopped is None and one.salt == new.salt:
            raise ConfigError(f"experiment {one.name!r} draws its arms by the same salt {new.salt!r}", "give another --salt, or none")


def _rewrite(profile: Profile, change: Callable[[All], All]) -> None:
    path = experiments_path(profile)
    with hold_file(path):
        write_json(path, EXPERIMENTS.dump_python(change(read_experiments(profile)), mode="json"))


def _change(why: str) -> Change:
    return Change(by=getpass.getuser(), at=datetime.now(UTC), why=why)
