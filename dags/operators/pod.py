"""A job as a pod on Kubernetes, by Airflow's KubernetesPodOperator: it reattaches, defers and cleans up; what a pod's end means is said here."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodNotFoundException
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.operators.job import RUN, JobCommand, failure_of
from dags.operators.manifest import CONTAINER, DAG, DAG_RUN, MAP_INDEX, TASK, build_pod
from goeswith.settings import PodSettings


class PodJobOperator(JobCommand, KubernetesPodOperator):
    """Run ``goeswith job`` in a pod of its own. While it runs, the task is deferred and holds no worker."""

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "run")

    def __init__(self, *, job: str, job_params: Mapping[str, Any], pods: PodSettings, execution_timeout: timedelta, **kwargs: Any) -> None:
        self.pods = pods
        self.deadline_s = int(execution_timeout.total_seconds())
        super().__init__(
            namespace=pods.namespace,
            name=kwargs["task_id"],
            kubernetes_conn_id=pods.connection or None,
            automount_service_account_token=False,  # said here, too: a template's False is lost when the operator merges it with its own
            deferrable=True,
            poll_interval=pods.poll_s,
            startup_check_interval_seconds=max(1, round(pods.poll_s)),
            schedule_timeout_seconds=pods.start_s,
            startup_timeout_seconds=pods.start_s,
            log_events_on_startup=False,
            log_events_on_failure=True,
            log_pod_spec_on_failure=False,
            termination_message_policy="FallbackToLogsOnError",
            execution_timeout=timedelta(seconds=self.deadline_s + 2 * pods.start_s),  # waiting for a node and an image does not count as work
            **kwargs,
        )
        self.job = job
        self.job_params = dict(job_params)
        self.run = RUN

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> Any:
        """Return the job's pod."""
        ti = context["ti"]
        whose = {DAG: ti.dag_id, TASK: ti.task_id, DAG_RUN: context["run_id"], MAP_INDEX: str(ti.map_index if ti.map_index is not None else -1)}
        self.pod_template_dict = build_pod(self.pods, self.job, self.words(context), self.deadline_s, whose)
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        pod.spec.enable_service_links = False  # lost in the merge, and no argument of the operator's
        return pod

    def trigger_reentry(self, context: Any, event: dict[str, Any]) -> dict[str, int]:
        """Return the table versions of a pod that succeeded; say of one that failed why, and whether another try may help."""
        try:
            super().trigger_reentry(context, event)
        except PodNotFoundException:
            raise
        except AirflowException as error:
            raise _failure(self.job, self.pod, error) from error
        versions = self._read_versions()
        context["ti"].xcom_push("return_value", versions)  # do_xcom_push, which is for that, adds a sidecar to the pod
        return versions

    def _read_versions(self) -> dict[str, int]:
        ended = _ended(self.pod)
        if ended is None or not ended.message:
            raise AirflowException(f"the pod of job {self.job} is gone, and with it what it said; what it did it finds done when it is tried again")
        versions: dict[str, int] = json.loads(ended.message)["versions"]
        return versions


def _ended(pod: Any) -> Any:
    """Return how the job's container ended, None where it did not, or nobody knows."""
    statuses = (pod.status.container_statuses if pod and pod.status else None) or []
    return next((status.state.terminated for status in statuses if status.name == CONTAINER), None)


def _failure(job: str, pod: Any, error: AirflowException) -> AirflowException:
    """Return what to raise for a pod that failed: what Kubernetes did to it is tried again, but for its deadline, which it would meet again."""
    reason = pod.status.reason if pod and pod.status else None
    if reason == "DeadlineExceeded":
        return AirflowFailException(f"job {job} took longer than its deadline: {pod.status.message}")
    if reason:
        return AirflowException(f"the pod of job {job} was lost: {reason}: {pod.status.message}")
    ended = _ended(pod)
    if ended is None:
        return AirflowException(f"the pod of job {job} did not run: {error}")
    return failure_of(ended.exit_code, f"job {job} failed ({ended.exit_code}, {ended.reason}): {ended.message}")
