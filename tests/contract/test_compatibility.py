"""A caller of the recorded version is understood by this one: what he reads is there, and nothing more is asked of him."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.served import RECORDED, Contract, current


@pytest.fixture(scope="module")
def now() -> Contract:
    return current()


@pytest.fixture(scope="module")
def recorded() -> Contract:
    found: Contract = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def broken(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """Yield what a caller of ``before`` would miss in ``after``, or would be asked for there and not send."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{where}/{key} is gone"
            elif key == "required" and isinstance(value, list):
                yield from (f"{where}: {name} is required now" for name in after[key] if name not in value)
            else:
                yield from broken(value, after[key], f"{where}/{key}")
        if where.endswith("/parameters") or where.startswith("/questions/"):
            yield from (f"{where}/{key} is required now" for key, told in after.items() if key not in before and told.get("required"))
    elif isinstance(before, list) and where == "/client":
        yield from (f"{where}/{name} is gone" for name in before if name not in after)
    elif before != after:
        yield f"{where} was {json.dumps(before)} and is {json.dumps(after)}"


def test_nothing_that_a_caller_of_the_recorded_version_relies_on_is_gone_or_another(now: Contract, recorded: Contract) -> None:
    assert list(broken(recorded, now)) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("features", "items", "price"), "/features/items/price is gone"),
        (("manifest", "Version", "properties", "release"), "/manifest/Version/properties/release is gone"),
        (("questions", "complements", "k"), "/questions/complements/k is gone"),
    ],
)
def test_a_field_that_goes_away_is_found(now: Contract, path: tuple[str, ...], said: str) -> None:
    changed = copy.deepcopy(now)
    held: Any = changed
    for part in path[:-1]:
        held = held[part]
    del held[path[-1]]
    assert list(broken(now, changed)) == [said]


def test_a_new_field_breaks_nobody_and_one_that_must_be_sent_does(now: Contract) -> None:
    changed = copy.deepcopy(now)
    body = next(name for name, held in changed["bodies"].items() if held["required"])
    changed["bodies"][body]["properties"]["more"] = {"type": "string"}
    assert list(broken(now, changed)) == []
    changed["bodies"][body]["required"].append("more")
    assert list(broken(now, changed)) == [f"/bodies/{body}: more is required now"]
