"""The settings of a deployment by section: what each means, and what it may be. ``goeswith.profile`` reads them."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """Settings that are read, never changed; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _plain_secret(secret: SecretStr) -> SecretStr:
    """Refuse what a file of settings, or a list of options, would read as something else."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/=@:-]*", secret.get_secret_value()):
        raise ValueError("letters, digits and ._~+/=@:- only")
    return secret


class SparkSettings(Section):
    """How Spark sessions are started."""

    master: str = "local[2]"
    driver_memory: str = "3g"
    shuffle_partitions: int = Field(default=4, ge=1)
    conf: dict[str, str] = {}


class S3Settings(Section):
    """The object store of a lake ``s3://BUCKET/PREFIX``: ``endpoint`` is http(s)://HOST:PORT, "" Amazon's own in ``region``.

    Credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment, or what a machine of Amazon's is given.
    """

    endpoint: Annotated[str, Field(pattern=r"^(https?://[^/@\s]+)?$")] = ""
    region: str = "us-east-1"


class FeastSettings(Section):
    """Feast's online store, and where it is: a file (sqlite), HOST:PORT (redis), postgresql://USER@HOST:PORT/DATABASE (postgres).

    ``password`` comes from the environment only; every process that reads features needs it there.
    """

    online_store: Literal["sqlite", "redis", "postgres"] = "sqlite"
    online_path: str = ""
    password: Annotated[SecretStr, AfterValidator(_plain_secret)] = SecretStr("")


class TlsSettings(Section):
    """Files (PEM) of one side: what it shows (``certificate``, ``key``), and who must have signed what the other side shows (``ca``)."""

    certificate: str = ""
    key: str = ""
    ca: str = ""


class TritonSettings(Section):
    """Where Triton answers, or is started (local profile), and how its models are served. With ``tls.ca`` the gateway asks over TLS.

    Models are configured for its ``kind``: a ``container`` has the onnxruntime backend, the ``wheel`` from PyPI the Python backend alone.
    ``gpu_instances`` of the item encoder run on each GPU of a container, all else, and it too where that is 0, on ``cpu_instances``. A model
    whose queue holds ``max_queue`` requests refuses the next; one that waited ``queue_timeout_ms`` is refused, too: nobody waits longer.
    ``cache_mb`` bounds the cache of answers (a container is started with ``--cache-config local,size=BYTES`` for it); 0: none.
    """

    kind: Literal["wheel", "container"] = "wheel"
    host: str = "127.0.0.1"
    grpc_port: Port = 8701
    http_port: Port = 8700
    metrics_port: Port = 8702
    cpu_instances: int = Field(default=1, ge=1)
    gpu_instances: int = Field(default=0, ge=0)
    max_queue: int = Field(default=128, ge=1)
    queue_timeout_ms: int = Field(default=10_000, ge=1)
    cache_mb: int = Field(default=0, ge=0)
    tls: TlsSettings = TlsSettings()


class AskSettings(Section):
    """What ``goeswith ask`` shows the gateway. ``key`` comes from the environment only."""

    key: SecretStr = SecretStr("")
    tls: TlsSettings = TlsSettings()


class GatewaySettings(Section):
    """Where the gateway answers, and what it bears. With ``tls.certificate`` it serves TLS, with ``tls.ca`` clients show a certificate, too."""

    host: str = "127.0.0.1"
    port: Port = 8780
    rate: Annotated[str, Field(pattern=r"^[1-9]\d{0,8}/(second|minute|hour|day)$")] = "3000/minute"
    """Questions of one key, or of one address where no key is needed."""
    body_s: float = Field(default=30.0, gt=0)
    """A body that takes longer to arrive is refused."""
    connections: int = Field(default=2_000, ge=10)
    """At most so many at once, idle ones included."""
    events_mb: int = Field(default=512, ge=1)
    """Of events that wait for the job ``take_feedback``; beyond it they are refused until there is room."""
    tls: TlsSettings = TlsSettings()
    ask: AskSettings = AskSettings()


class JudgeSettings(Section):
    """Which judge; ``auto`` takes flan-t5 where ``model`` is a folder with weights, else rules.

    ``max_tokens`` and ``max_cost`` bound one run, prices are for a million tokens, and ``max_cost`` and a verdict's cost are in their currency.
    """

    kind: Literal["auto", "rules", "flan-t5", "openai", "distilled", "supervised"] = "auto"
    model: str = ""
    endpoint: str = ""
    api_key: SecretStr = SecretStr("")
    dtype: Literal["bfloat16", "float32"] = "float32"
    max_tokens: int | None = Field(default=None, ge=1)
    max_cost: float | None = Field(default=None, gt=0)
    price_read: float = Field(default=0.0, ge=0)
    price_written: float = Field(default=0.0, ge=0)


class KafkaSettings(Section):
    """Where events are streamed from, and how one logs in there. ``user`` and ``password`` come from the environment only."""

    servers: str = ""
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")


class Resources(Section):
    """What a container is given, and at most takes: quantities as Kubernetes writes them, by resource."""

    requests: dict[str, str]
    limits: dict[str, str]


class GpuSettings(Section):
    """What jobs that want a GPU are given beside other training; ``count`` 0: none, as where no node has one."""

    count: int = Field(default=1, ge=0)
    resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


class PodSettings(Section):
    """Pods of jobs: in which ``namespace``, of which images, with what of the cluster. Secrets are named alone, never given.

    Pods take their settings and secrets from the ``config_maps`` and ``secrets`` as variables, the home from the volume ``claim``, and the key
    that signs models from the Secret ``signing_secret`` (key ``key``), where there is one. ``instance`` tells deployments apart that share a
    namespace. ``connection`` is Airflow's to the cluster; "": the pod's own account, else KUBECONFIG.
    """

    namespace: str = "default"
    instance: str = "goeswith"
    connection: str = ""
    jobs_image: str = ""
    trainer_image: str = ""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secrets: list[str] = []
    service_account: str = ""
    claim: str = ""
    config_maps: list[str] = []
    secrets: list[str] = []
    signing_secret: str = ""
    jobs: Resources = Resources(requests={"cpu": "2", "memory": "8Gi"}, limits={"cpu": "4", "memory": "14Gi"})
    training: Resources = Resources(requests={"cpu": "4", "memory": "16Gi"}, limits={"cpu": "8", "memory": "32Gi"})
    gpu: GpuSettings = GpuSettings()
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = []
    scratch: str = "50Gi"
    start_s: int = Field(default=1_200, ge=1)
    """For how long a pod may wait for a node, and then for its image."""
    poll_s: float = Field(default=10.0, gt=0)
    silent_s: int = Field(default=3_600, ge=60)
    """A training whose loop takes no step for so long hangs; longer than its validation takes."""


class DatabricksSettings(Section):
    """Where Spark jobs run on Databricks: ``application`` is infra/spark/job.py there, ``cluster`` a cluster's id, ``connection`` Airflow's."""

    connection: str = "databricks_default"
    application: str = ""
    cluster: str = ""


class OperatorSettings(Section):
    """How a DAG's task becomes a process: here, by spark-submit (Spark jobs; others here), as a pod, or on Databricks (Spark jobs; others here).

    What fails by chance is tried again ``retries`` times, first after ``retry_delay_s``, then after twice as long, and so on. A task may take
    ``deadline_s``, or what ``deadlines_s`` says of its job. At most ``spark_slots`` and ``gpu_slots`` tasks of their kind run at once.
    """

    kind: Literal["subprocess", "spark-submit", "kubernetes", "databricks"] = "subprocess"
    retries: int = Field(default=0, ge=0)
    retry_delay_s: float = Field(default=60.0, ge=0)
    retry_delay_max_s: float = Field(default=1_800.0, ge=0)
    deadline_s: int = Field(default=43_200, ge=1)
    deadlines_s: dict[str, Annotated[int, Field(ge=1)]] = {}
    approval: bool = False
    """Whether a person approves a training's models before they are released and published."""
    run_deadline_s: int = Field(default=0, ge=0)
    """Of a DAG's run from when it is queued: a later one is told of, not ended. 0: none is."""
    spark_slots: int = Field(default=1, ge=1)
    gpu_slots: int = Field(default=1, ge=1)
    result_file: Path | None = None
    """Where a job leaves the versions after it for whoever started it: in a pod, the file of its termination message."""
    pods: PodSettings = PodSettings()
    databricks: DatabricksSettings = DatabricksSettings()
