"""The kinds of operators that a profile may name. Each is imported where it is used: their providers are extras."""

from collections.abc import Callable
from functools import partial

from airflow.sdk import BaseOperator

from dags.operators.process import SparkSubmitJobOperator, SubprocessJobOperator
from goeswith.errors import ConfigError
from goeswith.jobs import folder_of
from goeswith.settings import OperatorSettings

Make = Callable[..., BaseOperator]
"""Takes the arguments of every operator of a job."""


def _process(_settings: OperatorSettings, _job: str) -> Make:
    return SubprocessJobOperator


def _spark_submit(_settings: OperatorSettings, job: str) -> Make:
    return SparkSubmitJobOperator if folder_of(job) == "spark_jobs" else SubprocessJobOperator


def _pod(settings: OperatorSettings, _job: str) -> Make:
    _require(settings.kind, jobs_image=settings.pods.jobs_image, trainer_image=settings.pods.trainer_image, claim=settings.pods.claim)
    try:
        from dags.operators.pod import PodJobOperator
    except ImportError as error:
        raise _missing(settings.kind, "goeswith[kubernetes]") from error
    return partial(PodJobOperator, pods=settings.pods)


def _databricks(settings: OperatorSettings, job: str) -> Make:
    if folder_of(job) != "spark_jobs":
        return SubprocessJobOperator
    _require(settings.kind, application=settings.databricks.application, cluster=settings.databricks.cluster)
    try:
        from dags.operators.databricks import DatabricksJobOperator
    except ImportError as error:
        raise _missing(settings.kind, "apache-airflow-providers-databricks") from error
    return partial(DatabricksJobOperator, databricks=settings.databricks)


def _require(kind: str, **values: str) -> None:
    lacking = [name for name, value in values.items() if not value]
    if lacking:
        section = "databricks" if kind == "databricks" else "pods"
        raise ConfigError(f"operator.kind {kind!r} needs operator.{section}.{lacking[0]}", "set it in the profile or in GOESWITH_OPERATOR__*")


def _missing(kind: str, package: str) -> ConfigError:
    return ConfigError(f"operator.kind {kind!r} needs a provider of Airflow's that is not installed", f"install {package} beside Airflow")


OPERATORS: dict[str, Callable[[OperatorSettings, str], Make]] = {
    "subprocess": _process,
    "spark-submit": _spark_submit,
    "kubernetes": _pod,
    "databricks": _databricks,
}
