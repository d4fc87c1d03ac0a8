"""The tasks that end a training: by its record, and by a person where the profile asks for one."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

from dags.operators.promotion import ApprovePromotionOperator, PromotionOperator, may_go_live, told
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.promotions import require_promotion
from tests.promotion_records import record, undecided, write


@pytest.fixture(autouse=True)
def home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    return profile


class Ti:
    """Stands for Airflow's task instance: the task before pushed versions."""

    map_index = -1

    def xcom_pull(self, task_ids: Sequence[str]) -> list[dict[str, int]]:
        return [{"training_sets": 4} for _ in task_ids]

    def xcom_push(self, key: str, value: Any) -> None:
        """Nobody reads it here."""


def context_of(task: BaseOperator, **conf: Any) -> dict[str, Any]:
    return {"ti": Ti(), "task": task, "dag_run": SimpleNamespace(conf=conf)}


def between(task_type: type[Any], **arguments: Any) -> Any:
    """Return a task with one before it and two behind it."""
    with DAG("train", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        tasks = [BaseOperator(task_id="before"), task_type(task_id="may_go_live", **arguments), *(BaseOperator(task_id=f"after_{k}") for k in "ab")]
        for one, other in itertools.pairwise(tasks):
            one >> other
    tasks[1].run = "monday"
    return tasks[1]


def test_a_promoted_run_goes_on_and_hands_on_the_versions(home: Profile) -> None:
    write(home, record())
    task = between(PromotionOperator)
    assert task.execute(context_of(task)) == {"training_sets": 4}


def test_a_run_that_was_kept_back_skips_all_that_follows(home: Profile) -> None:
    write(home, record(decision="kept back"))
    for task in (between(PromotionOperator), between(ApprovePromotionOperator, subject="?")):
        with pytest.raises(DownstreamTasksSkipped) as skipped:
            task.execute(context_of(task))
        assert sorted(skipped.value.tasks) == ["after_a", "after_b"]


def test_a_run_without_a_record_fails_and_says_which_job_makes_one() -> None:
    task = between(PromotionOperator)
    with pytest.raises(ConfigError, match="nothing compared run 'monday'"):
        task.execute(context_of(task))


def test_without_a_scheduler_an_undecided_run_ends_and_nobody_is_waited_for(home: Profile) -> None:
    write(home, undecided())
    task = between(ApprovePromotionOperator, subject="?")
    with pytest.raises(DownstreamTasksSkipped):
        task.execute(context_of(task, no_scheduler=True))
    assert require_promotion(home, "monday").awaits_approval


def answer(option: str, name: str | None = "ada") -> dict[str, Any]:
    user = {"id": "7", "name": name} if name else None
    return {"chosen_options": [option], "params_input": {}, "responded_at": datetime(2026, 1, 1, tzinfo=UTC), "responded_by_user": user}


def test_an_approval_in_airflow_goes_on_and_its_author_stands_in_the_record(home: Profile) -> None:
    write(home, undecided())
    task = between(ApprovePromotionOperator, subject="?")
    assert task.execute_complete(context_of(task), answer("Approve")) == {"training_sets": 4}
    assert (require_promotion(home, "monday").decision, require_promotion(home, "monday").by) == ("promoted", "ada")


def test_a_rejection_in_airflow_keeps_back_and_skips(home: Profile) -> None:
    write(home, undecided())
    task = between(ApprovePromotionOperator, subject="?")
    with pytest.raises(DownstreamTasksSkipped):
        task.execute_complete(context_of(task), answer("Reject"))
    assert require_promotion(home, "monday").reason == "not approved by ada"


def test_who_is_asked_sees_the_figures(home: Profile) -> None:
    shown = told(write(home, undecided()))
    assert "Served now: old/1. no worse than old/1 on 1 slices." in shown
    assert "| complements | warm | ndcg@10 | 0.400 | 0.410 | +0.010 [-0.010, +0.030] | 500 |" in shown
    assert "- relations: 2.5 ms (champion 2.0 ms)" in shown


@pytest.mark.parametrize(("asks", "kind"), [("false", PromotionOperator), ("true", ApprovePromotionOperator)])
def test_the_profile_says_whether_a_person_is_asked(monkeypatch: pytest.MonkeyPatch, asks: str, kind: type) -> None:
    monkeypatch.setenv("GOESWITH_OPERATOR__APPROVAL", asks)
    assert type(may_go_live()) is kind
