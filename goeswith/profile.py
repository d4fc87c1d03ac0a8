"""Where things are and how big they may be: one profile, read from infra/profiles and ``GOESWITH_*``."""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from goeswith.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PROFILES = PROJECT_ROOT / "infra" / "profiles"

Port = Annotated[int, Field(ge=1, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _plain_secret(secret: SecretStr) -> SecretStr:
    """Refuse what a file of settings, or a list of options, would read as something else."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/=@:-]*", secret.get_secret_value()):
        raise ValueError("letters, digits and ._~+/=@:- only")
    return secret


class SparkSettings(_Section):
    """How Spark sessions are started."""

    master: str = "local[2]"
    driver_memory: str = "3g"
    shuffle_partitions: int = Field(default=4, ge=1)
    conf: dict[str, str] = {}


class FeastSettings(_Section):
    """Feast's online store, and where it is: a file (sqlite), HOST:PORT (redis), postgresql://USER@HOST:PORT/DATABASE (postgres).

    ``password`` comes from the environment only; every process that reads features needs it there.
    """

    online_store: Literal["sqlite", "redis", "postgres"] = "sqlite"
    online_path: str = ""
    password: Annotated[SecretStr, AfterValidator(_plain_secret)] = SecretStr("")


class TlsSettings(_Section):
    """Files (PEM) of one side: what it shows (``certificate``, ``key``), and who must have signed what the other side shows (``ca``)."""

    certificate: str = ""
    key: str = ""
    ca: str = ""


class TritonSettings(_Section):
    """Where Triton answers, or is started (local profile), and how its models are served. With ``tls.ca`` the gateway asks over TLS.

    ``gpu_instances`` of the item encoder run on each GPU of a container, all else, and it too where that is 0, on ``cpu_instances``. A model
    whose queue holds ``max_queue`` requests refuses the next; one that waited ``queue_timeout_ms`` is refused, too: nobody waits longer.
    ``cache_mb`` bounds the cache of answers (a container is started with ``--cache-config local,size=BYTES`` for it); 0: none.
    """

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


class AskSettings(_Section):
    """What ``goeswith ask`` shows the gateway. ``key`` comes from the environment only."""

    key: SecretStr = SecretStr("")
    tls: TlsSettings = TlsSettings()


class GatewaySettings(_Section):
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


class JudgeSettings(_Section):
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


class KafkaSettings(_Section):
    """Where events are streamed from, and how one logs in there. ``user`` and ``password`` come from the environment only."""

    servers: str = ""
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")


class Resources(_Section):
    """What a container is given, and at most takes: quantities as Kubernetes writes them, by resource."""

    requests: dict[str, str]
    limits: dict[str, str]


class GpuSettings(_Section):
    """What jobs that want a GPU are given beside other training; ``count`` 0: none, as where no node has one."""

    count: int = Field(default=1, ge=0)
    resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    tolerations: list[dict[str, Any]] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


class PodSettings(_Section):
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


class DatabricksSettings(_Section):
    """Where Spark jobs run on Databricks: ``application`` is infra/spark/job.py there, ``cluster`` a cluster's id, ``connection`` Airflow's."""

    connection: str = "databricks_default"
    application: str = ""
    cluster: str = ""


class OperatorSettings(_Section):
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
    run_deadline_s: int = Field(default=0, ge=0)
    """Of a DAG's run from when it is queued: a later one is told of, not ended. 0: none is."""
    spark_slots: int = Field(default=1, ge=1)
    gpu_slots: int = Field(default=1, ge=1)
    result_file: Path | None = None
    """Where a job leaves the versions after it for whoever started it: in a pod, the file of its termination message."""
    pods: PodSettings = PodSettings()
    databricks: DatabricksSettings = DatabricksSettings()


class Profile(BaseSettings):
    """Every setting of one deployment. Unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix="GOESWITH_", env_nested_delimiter="__", extra="forbid", frozen=True)

    profile: Literal["local", "compose", "cluster"] = "local"
    home: Path = Path(".goeswith")
    lake: str = ""
    user_hash_key: SecretStr = SecretStr("goeswith-local")
    signing_key: Path | None = None
    """A file with the key that signs the model repository's manifest; without one it is not signed."""
    spark: SparkSettings = SparkSettings()
    feast: FeastSettings = FeastSettings()
    triton: TritonSettings = TritonSettings()
    gateway: GatewaySettings = GatewaySettings()
    judge: JudgeSettings = JudgeSettings()
    kafka: KafkaSettings = KafkaSettings()
    operator: OperatorSettings = OperatorSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the profile's file."""
        return env_settings, init_settings

    def moved(self, home: Path, **sections: Mapping[str, Any]) -> "Profile":
        """Return this profile at another home, its lake there too, with these values in its sections, whatever ``GOESWITH_*`` say."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        chosen = {name: fields[name].model_copy(update=values) for name, values in sections.items()}
        return Profile.model_construct(**{**fields, "home": home, "lake": "", **chosen})

    @cached_property
    def root(self) -> Path:
        """The absolute home of this deployment: everything that it writes lies below."""
        return self.home.expanduser().resolve()

    @cached_property
    def lake_uri(self) -> str:
        """Where the Delta tables are: a folder, or an object store's URI."""
        return self.lake or str(self.root / "lake")

    @property
    def pictures(self) -> Path:
        """The picture store: one JPEG or PNG a distinct picture, named by its sha256."""
        return self.root / "pictures"

    @property
    def truth(self) -> Path:
        """Planted truth of the synthetic shop; only evaluation may read it."""
        return self.root / "truth"

    @property
    def models(self) -> Path:
        """Checkpoints and exported versions, one folder a run."""
        return self.root / "models"

    @property
    def model_repository(self) -> Path:
        """The Triton model repository that ``publish`` assembles."""
        return self.root / "model_repository"

    @property
    def features(self) -> Path:
        """Feast's settings, registry, online store and pinned snapshots: what a reader of features opens."""
        return self.root / "features"

    @property
    def results(self) -> Path:
        """Figures, curves and reports."""
        return self.root / "results"

    @property
    def runs(self) -> Path:
        """One folder a run: each job's summary and log."""
        return self.root / "runs"

    @property
    def keys(self) -> Path:
        """The gateway's API keys, hashed."""
        return self.root / "keys.json"

    @property
    def values(self) -> Path:
        """The shop's own values by which answers may be ranked: one file NAME.jsonl each."""
        return self.root / "values"

    @property
    def feedback(self) -> Path:
        """What callers told of answers, until it stands in the lake, and the files that the stream of events takes in."""
        return self.root / "feedback"

    @property
    def servers(self) -> Path:
        """State of the servers that ``up`` started."""
        return self.root / "servers"


def load_profile(name: str | None = None, overrides: Mapping[str, Any] | None = None) -> Profile:
    """Read a profile: defaults < ``infra/profiles/NAME.yaml`` < ``overrides`` < ``GOESWITH_*``.

    Raises ``ConfigError`` for a profile that does not exist, an unknown key or a bad value.
    """
    chosen = name or os.environ.get("GOESWITH_PROFILE", "local")
    path = PROFILES / f"{chosen}.yaml"
    if not path.is_file():
        legal = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml")))
        raise ConfigError(f"there is no profile {chosen!r}", f"profiles: {legal}")
    return _validated({**_read_yaml(path), "profile": chosen, **(overrides or {})}, path)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no valid YAML: {error}", "correct the line that it names") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping", "write 'key: value' lines")
    return values


def _validated(values: dict[str, Any], path: Path) -> Profile:
    _refuse_unknown_variables()
    try:
        return Profile(**values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        legal = ", ".join(Profile.model_fields)
        raise ConfigError(f"{path.name} or GOESWITH_*: {problems}", f"legal keys: {legal}") from error


def _refuse_unknown_variables() -> None:
    known = {f"GOESWITH_{key.upper()}" for key in Profile.model_fields}
    unknown = [v for v in os.environ if v.startswith("GOESWITH_") and v.split("__")[0] not in known]
    if unknown:
        raise ConfigError(f"unknown variable {unknown[0]}", f"known: {', '.join(sorted(known))} (nested keys after '__')")
