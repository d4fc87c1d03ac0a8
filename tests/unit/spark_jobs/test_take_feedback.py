"""Every row that came is kept, quarantined or a duplicate; killed at any step and run again, the same rows stand and the same sums come out."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake
from goeswith.erasure.forget import forget_user
from goeswith.erasure.user import hash_user
from goeswith.errors import ConfigError
from goeswith.feedback import EVENTS, stream_folder
from goeswith.feedback.segments import segments_folder
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from goeswith.upkeep.table import measure
from goeswith_client import Click, Exposure, Purchase, Trial
from goeswith_client.events import Event
from goeswith_client.experiments import Experiments
from serving.gateway.events import Inbox
from spark_jobs import take_feedback
from tests.unit.goeswith.erasure.shop import files_below_that_hold

ANSWER = "0" * 32
AT = datetime.now(UTC).replace(hour=0, minute=0, second=1, microsecond=0)
STEPS = ("write_refused", "insert_rows", "write_events", "unlink")


def shown(event_id: str, unit: str = "visitor-1", **more: Any) -> Exposure:
    return Exposure(event_id=event_id, unit=unit, happened_at=AT, answer_id=ANSWER, items=("i1", "i2"), type="substitute", source="model", **more)


def clicked(event_id: str, unit: str = "visitor-1", **more: Any) -> Click:
    return Click(event_id=event_id, unit=unit, happened_at=AT, answer_id=ANSWER, item="i1", position=1, **more)


def bought(event_id: str, unit: str = "visitor-1", **more: Any) -> Purchase:
    return Purchase(event_id=event_id, unit=unit, happened_at=AT, item="i2", quantity=2, price=1.5, **more)


def tell(profile: Profile, *events: Event) -> None:
    Inbox(profile, Experiments(profile.features)).take(events)


def take(profile: Profile, **params: Any) -> dict[str, Any]:
    return dict(take_feedback.run(JobRun(profile=profile, run_id="r", params=params)).summary)


def standing(profile: Profile) -> dict[str, Any]:
    """Return all that the job leaves, but names of segments and when."""
    rows = lake.read_table(profile, "feedback").to_pylist()
    refused = lake.read_table(profile, "quarantine").to_pylist() if lake.current_version(profile, "quarantine") is not None else []
    return {
        "rows": sorted((row["event_id"], row["kind"], row["item_id"] or "") for row in rows),
        "refused": sorted(row["rule"] for row in refused),
        "events": sorted(line for path in (stream_folder(profile) / EVENTS).glob("*") for line in path.read_text().splitlines()),
        "waiting": list(segments_folder(profile).glob("*")),
    }


def counts(came: int, kept: int, quarantined: int, duplicates: int) -> dict[str, int]:
    return {"in": came, "kept": kept, "quarantined": quarantined, "duplicates": duplicates}


def test_rows_are_kept_once_and_those_of_a_wrong_trial_quarantined(profile: Profile) -> None:
    tell(profile, shown("e1"), clicked("e2"), clicked("e2"), bought("e3"), shown("e4", trial=Trial(experiment="unknown", arm="a")))
    assert take(profile) == {"segments": 1, "rows": counts(5, 3, 1, 1), "old_files": 0}
    tell(profile, clicked("e2"), clicked("e5"))
    assert take(profile)["rows"] == counts(2, 1, 0, 1)
    left = standing(profile)
    assert sorted(kind for _, kind, _ in left["rows"]) == ["click", "click", "exposure", "purchase"]
    assert (left["refused"], left["waiting"]) == (["trial_mismatch"], [])
    assert take(profile) == {"segments": 0, "rows": counts(0, 0, 0, 0), "old_files": 0}


def test_clicks_and_purchases_go_on_as_events_under_hashes(profile: Profile) -> None:
    tell(profile, shown("e1"), clicked("e2"), Click(**{**clicked("e6").model_dump(), "kind": "cart"}), bought("e3", basket="order-1"))
    take(profile)
    view, purchase = sorted((json.loads(line) for line in standing(profile)["events"]), key=lambda event: str(event["kind"]), reverse=True)
    user = f"hmac:{hash_user(profile, 'visitor-1')}"
    assert (view["kind"], view["item_id"], view["quantity"], view["price"], view["user_id"]) == ("view", "i1", "1", None, user)
    assert (purchase["kind"], purchase["quantity"], purchase["price"]) == ("purchase", "2", "1.5")
    assert purchase["basket_id"] == f"hmac:{hash_user(profile, 'order-1')}"


def test_a_shop_whose_orders_come_by_themselves_leaves_purchases_out(profile: Profile) -> None:
    tell(profile, clicked("e2"), bought("e3"))
    take(profile, events=["click"])
    assert [json.loads(line)["kind"] for line in standing(profile)["events"]] == ["view"]
    with pytest.raises(ConfigError, match="events"):
        take(profile, events=["cart"])


def test_what_a_killed_gateway_cut_short_is_quarantined_and_the_rest_kept(profile: Profile) -> None:
    tell(profile, clicked("e1"), clicked("e2"))
    (segment,) = segments_folder(profile).glob("*")
    segment.write_bytes(segment.read_bytes()[:-30])
    assert take(profile)["rows"] == counts(2, 1, 1, 0)
    assert standing(profile)["refused"] == ["row_incomplete"]


def test_files_of_events_go_when_they_are_old(profile: Profile) -> None:
    tell(profile, clicked("e1"))
    take(profile)
    (file,) = (stream_folder(profile) / EVENTS).glob("*.jsonl")
    old = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    os.utime(file, (old, old))
    assert take(profile)["old_files"] == 0
    assert take(profile, keep_days=2)["old_files"] == 1
    assert not file.exists()


class KilledError(Exception):
    """The process was killed."""


def kill_at(step: str, when: str, patch: pytest.MonkeyPatch) -> None:
    """Let the job die before or after one of its steps."""
    where: Any = {"insert_rows": lake, "unlink": Path}.get(step, take_feedback)
    real: Callable[..., Any] = getattr(where, step)

    def killed(*of: Any, **how: Any) -> Any:
        if when == "after":
            real(*of, **how)
        raise KilledError

    patch.setattr(where, step, killed)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_around_any_step_the_next_run_ends_where_it_would_have(
    profile: Profile, tmp_path: Path, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = load_profile(overrides={"home": tmp_path / "calm"})
    told: list[Event] = [shown("e1"), clicked("e2"), clicked("e2"), bought("e3"), shown("e4", trial=Trial(experiment="unknown", arm="a"))]
    for home in (profile, calm):
        tell(home, clicked("e0"))
        take(home)
        tell(home, *told, clicked("e0"))
    undisturbed = take(calm)
    with monkeypatch.context() as patch:
        kill_at(step, when, patch)
        with pytest.raises(KilledError):
            take(profile)
    again = take(profile)
    assert standing(profile) == standing(calm)
    gone = (step, when) == ("unlink", "after")  # it was done already
    assert again["rows"] == (counts(0, 0, 0, 0) if gone else undisturbed["rows"] == counts(6, 3, 1, 2) and undisturbed["rows"])


def test_a_forgotten_user_leaves_neither_table_nor_buffer_nor_file(profile: Profile) -> None:
    names = ["visitor-1", hash_user(profile, "visitor-1")]
    tell(profile, shown("e1"), clicked("e2"), bought("e3"), clicked("e4", unit="visitor-2"))
    take(profile)
    tell(profile, clicked("e5"), clicked("e6", unit="visitor-2"), shown("e7", trial=Trial(experiment="unknown", arm="a")))
    assert files_below_that_hold(profile.root, names)
    record = forget_user(profile, "visitor-1")
    assert record is not None
    assert record["rows"]["feedback"] == 3
    assert files_below_that_hold(profile.root, names) == []
    assert take(profile)["rows"] == counts(1, 1, 0, 0)
    assert {row["unit"] for row in lake.read_table(profile, "feedback").to_pylist()} == {hash_user(profile, "visitor-2")}
    assert len(standing(profile)["events"]) == 2
    assert forget_user(profile, "visitor-1") is None


def test_upkeep_makes_its_small_files_large(profile: Profile) -> None:
    from tests.unit.goeswith.upkeep.shop import maintain

    for n in range(6):
        tell(profile, clicked(f"e{n}"))
        take(profile)
    before = measure(profile, "feedback").files
    assert maintain(profile).summary["tables"]["feedback"]["rewritten"]["partitions"]
    assert measure(profile, "feedback").files < before
    assert len(standing(profile)["rows"]) == 6
