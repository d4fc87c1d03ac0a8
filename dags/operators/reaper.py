"""Pods of jobs that nobody waits for any more, or that hang: found by their labels and by the heartbeats in the home, deleted, and named."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from dags.operators.manifest import DAG, DAG_RUN, JOB_LABEL, MAP_INDEX, TASK, own_labels
from goeswith.heartbeat import find_silent
from goeswith.profile import Profile, load_profile
from goeswith.settings import PodSettings

logger = logging.getLogger(__name__)

OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}
"""States of a task that needs no pod. One that is to be tried again may take over the pod that it finds."""

STUCK = timedelta(minutes=5)
"""After the moment by which a pod's deletion was to be done."""

FindState = Callable[[Mapping[str, str]], str | None]
"""Returns the state of the task instance that a pod's annotations name; "removed" for one that Airflow does not know."""


class ReapPodsOperator(BaseOperator):
    """Delete the pods of this deployment's jobs whose task is over, whose node is lost, or whose training is silent.

    Pods without our labels are never looked at.
    """

    def execute(self, context: Any) -> dict[str, str]:
        """Return by pod why it was deleted. Deleting frees its step: the next try goes on from the last checkpoint."""
        profile = load_profile()
        if profile.operator.kind != "kubernetes":
            raise AirflowSkipException(f"operator.kind is {profile.operator.kind!r}: no job is a pod")
        pods = profile.operator.pods
        client = _open_client(pods)
        orphans = list(find_orphans(_list_pods(client, pods), _silent_pods(profile), _state_of(context["ti"])))
        for pod, why in orphans:
            _delete(client, pod)
            self.log.warning("deleted pod %s: %s", pod.metadata.name, why)
        return {pod.metadata.name: why for pod, why in orphans}


def find_orphans(pods: Collection[Any], silent: Collection[str], find_state: FindState) -> Iterator[tuple[Any, str]]:
    """Yield each pod that is to go, and why."""
    for pod in pods:
        whose: Mapping[str, str] = pod.metadata.annotations or {}
        if not {DAG, TASK, DAG_RUN, MAP_INDEX} <= whose.keys():
            continue
        state = find_state(whose)
        if state in OVER:
            yield pod, f"its task {whose[DAG]}.{whose[TASK]} of run {whose[DAG_RUN]} is over: {state}"
        elif _is_stuck(pod):
            yield pod, f"its node does not answer, on which task {whose[DAG]}.{whose[TASK]} of run {whose[DAG_RUN]} worked"
        elif pod.metadata.name in silent:
            yield pod, f"its training of task {whose[DAG]}.{whose[TASK]} of run {whose[DAG_RUN]} takes no step any more"


def _silent_pods(profile: Profile) -> set[str]:
    """Return the names of pods whose training is silent: a pod's name is its host's. Where the home is not mounted nobody knows."""
    if not profile.runs.is_dir():
        logger.warning("%s holds no runs: mount the home here, so that trainings that hang are found", profile.root)
        return set()
    return {lease.host for lease in find_silent(profile, profile.operator.pods.silent_s)}


def _open_client(pods: PodSettings) -> Any:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    return KubernetesHook(conn_id=pods.connection or None, kubernetes_conn_id=None).core_v1_client


def _delete(client: Any, pod: Any) -> None:
    """Delete a pod, one that hangs in its deletion at once; one that is gone by now is no error. No later try takes over what is deleted."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from kubernetes.client.exceptions import ApiException

    name, namespace = pod.metadata.name, pod.metadata.namespace
    try:
        client.patch_namespaced_pod(name, namespace, {"metadata": {"labels": {KubernetesPodOperator.POD_CHECKED_KEY: "True"}}})
        client.delete_namespaced_pod(name, namespace, **({"grace_period_seconds": 0} if _is_stuck(pod) else {}))
    except ApiException as error:
        if error.status != 404:
            raise


def _is_stuck(pod: Any) -> bool:
    """Return whether a pod was to be gone long ago: its node does not answer, and as long as the pod is listed Airflow waits for it."""
    until = pod.metadata.deletion_timestamp
    return until is not None and datetime.now(UTC) - until > STUCK


def _list_pods(client: Any, pods: PodSettings) -> list[Any]:
    selector = ",".join([*(f"{label}={value}" for label, value in own_labels(pods).items()), JOB_LABEL])
    found: list[Any] = client.list_namespaced_pod(pods.namespace, label_selector=selector).items
    return found


def _state_of(ti: Any) -> FindState:
    """Return a lookup of task states by Airflow's own API: a task has no way into its database."""

    def find(whose: Mapping[str, str]) -> str | None:
        index = int(whose[MAP_INDEX])
        states = ti.get_task_states(dag_id=whose[DAG], task_ids=[whose[TASK]], run_ids=[whose[DAG_RUN]])
        of_run: Mapping[str, Any] = states.get(whose[DAG_RUN], {})
        state = of_run.get(f"{whose[TASK]}_{index}" if index >= 0 else whose[TASK], "removed")
        return None if state is None else str(getattr(state, "value", state))

    return find
