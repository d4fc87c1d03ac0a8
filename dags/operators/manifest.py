"""The pod of a job: pure, from the profile's settings to a manifest that the restricted Pod Security Standard lets pass."""

from collections.abc import Mapping, Sequence
from typing import Any

from goeswith.jobs import GPU, folder_of
from goeswith.settings import PodSettings, Resources

CONTAINER = "base"
"""KubernetesPodOperator looks for the container by this name."""
USER = 10_001
"""Of every image of ours (infra/docker)."""
HOME = "/var/lib/goeswith"
SIGNING = "/run/secrets/signing"
RESULT_FILE = "/dev/termination-log"
"""Where Kubernetes takes the termination message from: it mounts the file, so a read-only root file system is no hindrance."""

NAME_LABEL, INSTANCE_LABEL, JOB_LABEL = "app.kubernetes.io/name", "app.kubernetes.io/instance", "goeswith-job"
OWN = "goeswith"
DAG, TASK, DAG_RUN, MAP_INDEX = "goeswith/dag", "goeswith/task", "goeswith/run", "goeswith/map-index"
"""Annotations: whose pod it is in full, where Airflow's labels are shortened to 63 characters."""

Manifest = dict[str, Any]


def own_labels(settings: PodSettings) -> dict[str, str]:
    """Return the labels that the pods of this deployment share; those of jobs have ``JOB_LABEL`` beside them."""
    return {NAME_LABEL: OWN, INSTANCE_LABEL: settings.instance}


def build_pod(settings: PodSettings, job: str, words: Sequence[str], deadline_s: int, annotations: Mapping[str, str]) -> Manifest:
    """Return the pod that runs ``goeswith WORDS``. The labels of DAG, task, run and try are the operator's."""
    labels = {**own_labels(settings), "app.kubernetes.io/component": "run", JOB_LABEL: job}  # what the chart's network policies know runs by
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": settings.namespace, "labels": labels, "annotations": dict(annotations)},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": deadline_s,
            "terminationGracePeriodSeconds": 5,  # jobs stand being killed at any moment
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            **({"serviceAccountName": settings.service_account} if settings.service_account else {}),
            "imagePullSecrets": [{"name": name} for name in settings.pull_secrets],
            "securityContext": _pod_security(),
            **_placement(settings, job),
            "containers": [_container(settings, job, words)],
            "volumes": _volumes(settings),
        },
    }


def wants_gpu(settings: PodSettings, job: str) -> bool:
    """Return whether the job's pod asks for a GPU."""
    return job in GPU and settings.gpu.count > 0


def _container(settings: PodSettings, job: str, words: Sequence[str]) -> Manifest:
    return {
        "name": CONTAINER,
        "image": settings.trainer_image if folder_of(job) == "training" else settings.jobs_image,
        "imagePullPolicy": settings.pull_policy,
        "args": list(words),
        "envFrom": [{"configMapRef": {"name": name}} for name in settings.config_maps] + [{"secretRef": {"name": name}} for name in settings.secrets],
        "env": _variables(settings),
        "resources": _resources(settings, job),
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": _mounts(settings),
        "terminationMessagePath": RESULT_FILE,
    }


def _variables(settings: PodSettings) -> list[Manifest]:
    given = {"GOESWITH_HOME": HOME, "GOESWITH_OPERATOR__RESULT_FILE": RESULT_FILE}
    if settings.signing_secret:
        given["GOESWITH_SIGNING_KEY"] = f"{SIGNING}/key"
    return [{"name": name, "value": value} for name, value in given.items()]


def _resources(settings: PodSettings, job: str) -> Manifest:
    chosen: Resources = settings.training if folder_of(job) == "training" else settings.jobs
    gpus = {settings.gpu.resource: str(settings.gpu.count)} if wants_gpu(settings, job) else {}
    return {"requests": {**chosen.requests, **gpus}, "limits": {**chosen.limits, **gpus}}


def _placement(settings: PodSettings, job: str) -> Manifest:
    place = settings.gpu if wants_gpu(settings, job) else settings
    return {"nodeSelector": dict(place.node_selector), "tolerations": list(place.tolerations)}


def _pod_security() -> Manifest:
    user = {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"}
    return {"runAsNonRoot": True, **user, "seccompProfile": {"type": "RuntimeDefault"}}


def _mounts(settings: PodSettings) -> list[Manifest]:
    places = {"home": HOME, "tmp": "/tmp", "scratch": "/scratch", "shm": "/dev/shm"}  # noqa: S108 - paths of the image
    mounts: list[Manifest] = [{"name": name, "mountPath": path} for name, path in places.items()]
    return mounts + ([{"name": "signing", "mountPath": SIGNING, "readOnly": True}] if settings.signing_secret else [])


def _volumes(settings: PodSettings) -> list[Manifest]:
    volumes: list[Manifest] = [
        {"name": "home", "persistentVolumeClaim": {"claimName": settings.claim}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": settings.scratch}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    ]
    if settings.signing_secret:
        volumes.append({"name": "signing", "secret": {"secretName": settings.signing_secret, "defaultMode": 0o440}})
    return volumes
