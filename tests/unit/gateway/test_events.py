"""Events are on the disk before they are acknowledged, without anybody's id; what cannot be is refused, what does not fit is flagged."""

import errno
import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from goeswith.erasure.user import hash_user
from goeswith.profile import load_profile
from goeswith.settings import GatewaySettings
from goeswith_client import Exposure
from goeswith_client.answers import Answer
from goeswith_client.experiments import FILE, Experiment
from goeswith_client.limits import MAX_EVENTS
from serving.gateway.keys import Keys
from tests.tiny_gateway import bearer, tiny_gateway

ANSWER = "0" * 32
UNIT = "visitor-4711"
ARMS = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]


def now() -> str:
    return datetime.now(UTC).isoformat()


def click(**more: Any) -> dict[str, Any]:
    base = {"kind": "click", "event_id": "e1", "unit": UNIT, "answer_id": ANSWER, "item": "i1", "position": 2, "happened_at": now()}
    return {**base, **more}


def exposure(**more: Any) -> dict[str, Any]:
    base = {"kind": "exposure", "event_id": "e2", "unit": UNIT, "answer_id": ANSWER, "items": ["i1", "i2"], "query": ["i0"], "happened_at": now()}
    return {**base, "type": "substitute", "source": "model", **more}


def post(gateway: TestClient, *events: dict[str, Any], **how: Any) -> Any:
    return gateway.post("/events", json={"events": list(events)}, **how)


def waiting(home: Path) -> list[dict[str, Any]]:
    files = sorted((home / "feedback" / "segments").glob("*"))
    return [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]


def start(home: Path) -> Experiment:
    values = {"name": "lists", "type": "substitute", "salt": "s", "arms": ARMS, "started": {"by": "ann", "at": now()}}
    (home / "features").mkdir(parents=True, exist_ok=True)
    (home / "features" / FILE).write_text(json.dumps([values]), encoding="utf-8")
    return Experiment.model_validate(values)


def test_what_became_of_an_answer_is_taken_and_written_with_hashes_alone(tmp_path: Path) -> None:
    gateway = tiny_gateway(home=tmp_path)
    paid_for = {"item": "i1", "quantity": 2, "price": 3.5, "basket": "order-9"}
    bought = {"kind": "purchase", "event_id": "e3", "unit": UNIT, "happened_at": now(), **paid_for}
    taken = post(gateway, exposure(), click(), bought)
    assert (taken.status_code, taken.json()) == (202, {"accepted": 3, "flagged": 0})
    shown, clicked, paid = waiting(tmp_path)
    profile = load_profile(overrides={"home": tmp_path})
    assert {row["unit"] for row in (shown, clicked, paid)} == {hash_user(profile, UNIT)}
    assert (shown["items"], shown["query"], shown["basket_id"], shown["item_id"]) == (["i1", "i2"], ["i0"], None, None)
    assert (clicked["item_id"], clicked["position"], clicked["day"]) == ("i1", 2, clicked["happened_at"][:10])
    assert (paid["quantity"], paid["price"], paid["basket_id"]) == (2, 3.5, hash_user(profile, "order-9"))
    everything = json.dumps([shown, clicked, paid])
    assert not any(name in everything for name in (UNIT, "order-9", '"e1"', '"e3"'))


def test_all_that_a_unit_does_on_a_day_is_a_basket_where_none_is_named(tmp_path: Path) -> None:
    gateway, before = tiny_gateway(home=tmp_path), (datetime.now(UTC) - timedelta(days=1)).isoformat()
    post(gateway, click(), click(event_id="e5"), click(event_id="e6", happened_at=before), click(event_id="e7", unit="other"))
    baskets = [row["basket_id"] for row in waiting(tmp_path)]
    assert baskets[0] == baskets[1]
    assert len(set(baskets)) == 3


def test_an_answers_own_exposure_is_an_event_that_is_taken(tmp_path: Path) -> None:
    found = start(tmp_path)
    gateway = tiny_gateway(home=tmp_path)
    answer = Answer.model_validate(gateway.get("/ask/substitutes/i0", params={"unit": UNIT, "k": 2}).json())
    assert answer.trial is not None
    assert answer.trial.arm == found.assign(UNIT).name
    event = Exposure.of(answer, UNIT, datetime.now(UTC)).model_dump(mode="json")
    assert post(gateway, event).json() == {"accepted": 1, "flagged": 0}
    (row,) = waiting(tmp_path)
    assert (row["answer_id"], row["experiment"], row["arm"], row["rule"]) == (answer.answer_id, "lists", answer.trial.arm, None)


def test_a_trial_that_the_unit_is_not_in_is_flagged_and_others_are_not(tmp_path: Path) -> None:
    mine = start(tmp_path).assign(UNIT).name
    gateway, other = tiny_gateway(home=tmp_path), "b" if mine == "a" else "a"
    trial = {"experiment": "lists", "arm": mine}
    wrong: list[dict[str, Any]] = [{"trial": {**trial, "arm": other}}, {"trial": {"experiment": "unknown", "arm": "a"}}, {"type": "complement"}]
    events = [exposure(**{"event_id": f"e{n}", "trial": trial, **more}) for n, more in enumerate([{}, *wrong])]
    assert post(gateway, *events).json() == {"accepted": 4, "flagged": 3}
    assert [row["rule"] for row in waiting(tmp_path)] == [None, *["trial_mismatch"] * 3]
    assert "goeswith_events_flagged_total 3.0" in gateway.get("/metrics").text


@pytest.mark.parametrize(
    "event",
    [
        click(kind="sneeze"),
        click(position=0),
        click(position=201),
        click(unit=""),
        click(unit="a b"),
        click(answer_id=UNIT),
        click(item="x" * 257),
        click(event_id="a\x00"),
        click(colour="red"),
        click(trial={"experiment": "x" * 65, "arm": "a"}),
        click(happened_at="2026-01-01T00:00:00"),
        click(happened_at=(datetime.now(UTC) + timedelta(days=1)).isoformat()),
        click(happened_at=(datetime.now(UTC) - timedelta(days=31)).isoformat()),
        exposure(items=["i1"] * 201),
        exposure(source="heaven"),
        {**click(kind="purchase"), "quantity": 0},
        {**click(kind="purchase"), "price": -1},
    ],
)
def test_an_event_that_cannot_be_refuses_the_whole_batch(tmp_path: Path, event: dict[str, Any]) -> None:
    refused = post(tiny_gateway(home=tmp_path), click(event_id="sound"), event)
    assert (refused.status_code, refused.json()["error"]) == (422, "InvalidRequest")
    assert UNIT not in refused.text
    assert waiting(tmp_path) == []


def test_a_batch_has_a_bound(tmp_path: Path) -> None:
    gateway = tiny_gateway(home=tmp_path)
    many = [click(event_id=f"e{n}") for n in range(MAX_EVENTS + 1)]
    assert post(gateway, *many).status_code == 422
    assert post(gateway).status_code == 422
    assert post(gateway, *many[1:]).json()["accepted"] == MAX_EVENTS == len(waiting(tmp_path))


def test_a_full_buffer_is_503_with_a_time_to_wait_and_the_remedy(tmp_path: Path) -> None:
    gateway = tiny_gateway(home=tmp_path, settings=GatewaySettings(events_mb=1))
    held = tmp_path / "feedback" / "segments" / "other.open"
    held.parent.mkdir(parents=True)
    held.write_bytes(b"x" * 2**20)
    refused = post(gateway, click())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
    assert "goeswith run feedback" in refused.json()["remedy"]
    assert "goeswith_events_waiting_bytes 1.048576e+06" in gateway.get("/metrics").text
    held.unlink()
    assert post(gateway, click()).status_code == 202


def test_a_disk_that_refuses_is_503_and_nothing_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = tiny_gateway(home=tmp_path)
    assert post(gateway, click()).status_code == 202

    def refuse(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        refused = post(gateway, click(event_id="lost"))
    assert (refused.status_code, refused.json()["what"]) == (503, "events cannot be written: Input/output error")
    assert len(waiting(tmp_path)) == 1
    assert 'goeswith_events_total{kind="click"} 1.0' in gateway.get("/metrics").text


def test_events_need_a_scope_of_their_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    asker, teller = bearer(keys, "ask", name="page"), bearer(keys, "events")
    gateway = tiny_gateway(home=tmp_path, keys=Keys(keys))
    assert post(gateway, click(), headers=asker).status_code == 403
    assert post(gateway, click(), headers=teller).status_code == 202
    assert gateway.get("/items/i1", headers=teller).status_code == 403


def test_logs_name_neither_items_nor_units(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gateway = tiny_gateway(home=tmp_path)
    with caplog.at_level(logging.DEBUG, logger="goeswith"):
        post(gateway, exposure(items=["item-xyz"]), click(item="item-xyz"))
        post(gateway, click(item="item-xyz", position=0))
        gateway.get("/ask/substitutes/i0", params={"unit": UNIT})
    ours = [record for record in caplog.records if record.name.startswith("goeswith")]  # the caller of this test logs addresses
    said = "".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert "/events" in said
    assert not any(name in said for name in (UNIT, "item-xyz"))
