"""Whether a training goes on: its promotion record says so, and a person where the profile asks for one."""

import logging
from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator
from airflow.sdk.bases.skipmixin import SkipMixin

from dags.operators.job import RUN, upstream_versions
from goeswith.profile import load_profile
from goeswith.promotions import Promotion, approve, require_promotion

logger = logging.getLogger(__name__)

QUESTION = "Shall the models of run {{ (dag_run.conf or {}).get('run') or run_id }} answer the shop's questions?"


def is_no_worse() -> BaseOperator:
    """Return a task that ends the run where ``compare_models`` kept the challenger back."""
    return PromotionOperator(task_id="is_no_worse")


def may_go_live() -> BaseOperator:
    """Return a task that ends the run before its models are released where something, or the person whom the profile asks, speaks against it."""
    if load_profile().operator.approval:
        return ApprovePromotionOperator(task_id="may_go_live", subject=QUESTION)
    return PromotionOperator(task_id="may_go_live")


def skip_rest(operator: SkipMixin, context: Any, found: Promotion) -> None:
    """Skip, not fail, all that follows; the reason is in the task's log, and in the record."""
    logger.warning("run %s: %s: %s", found.run, found.decision, found.reason)
    operator.skip(ti=context["ti"], tasks=context["task"].get_flat_relatives(upstream=False))


class PromotionOperator(BaseOperator, SkipMixin):
    """Go on unless the run was kept back, and hand on the table versions."""

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = ("run",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = RUN

    def execute(self, context: Any) -> dict[str, int]:
        """Return the table versions that downstream tasks read."""
        found = require_promotion(load_profile(), self.run)
        if found.decision == "kept back":
            skip_rest(self, context, found)
        return upstream_versions(self.upstream_task_ids, context)


class ApprovePromotionOperator(ApprovalOperator):
    """Ask a person in Airflow whether models whose figures hold go live, and keep the answer with its author in the record.

    Without a scheduler nobody can answer there: then the run ends here, and goes on once somebody has answered by ``goeswith rollout approve``.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "run")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = RUN

    def execute(self, context: Any) -> dict[str, int]:
        """Go on with what is promoted, skip what is not, and wait for an answer to what is undecided."""
        found = require_promotion(load_profile(), self.run)
        if found.decision == "kept back" or (found.decision == "undecided" and (context["dag_run"].conf or {}).get("no_scheduler")):
            skip_rest(self, context, found)
        elif found.decision == "undecided":
            self.body = told(found)
            super().execute(context)  # raises: the task waits
        return upstream_versions(self.upstream_task_ids, context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, int]:
        """Write the answer down before what follows is started or skipped."""
        if "error" not in event:
            user = event["responded_by_user"] or {}
            approve(load_profile(), self.run, approved=self.APPROVE in event["chosen_options"], by=user.get("name") or "nobody known to Airflow")
        super().execute_complete(context, event)
        return upstream_versions(self.upstream_task_ids, context)


def told(found: Promotion) -> str:
    """Return as Markdown what a person decides by."""
    champion = found.champion.name if found.champion else "nothing"
    rows = [
        f"| {d.task} | {d.slice} | {d.metric} | {d.champion.value:.3f} | {d.challenger.value:.3f} |"
        f" {d.difference.value:+.3f} [{d.difference.low:+.3f}, {d.difference.high:+.3f}] | {d.n} |"
        for d in found.compared.differences
    ]
    head = ["| task | slice | metric | champion | challenger | difference (95%) | n |", "| --- | --- | --- | --- | --- | --- | --- |"]
    slow = [f"- {each.model}: {each.challenger_ms:.1f} ms (champion {each.champion_ms:.1f} ms)" for each in found.latency]
    return "\n".join([f"Served now: {champion}. {found.compared.why}.", "", *(head if rows else []), *rows, "", *slow])
