"""A run that takes too long: Airflow's scheduler notices it, counts ``deadline_alerts.deadline_missed``, and lets one of its workers say so."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from goeswith.settings import OperatorSettings

logger = logging.getLogger(__name__)


def build_alert(settings: OperatorSettings) -> DeadlineAlert | None:
    """Return the alert of a DAG's runs, None where the profile wants none. It tells and ends nothing; a task's own deadline does that."""
    if settings.run_deadline_s == 0:
        return None
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=settings.run_deadline_s), SyncCallback(f"{__name__}.tell_late"))


def tell_late(context: Mapping[str, Any]) -> None:
    """Log which run is late; Airflow calls this."""
    run = context["dag_run"]
    logger.error("run %s of DAG %s is late: it was to end by %s", run["dag_run_id"], run["dag_id"], context["deadline"]["deadline_time"])
