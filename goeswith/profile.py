"""Where things are and how big they may be: one profile, read from infra/profiles and ``GOESWITH_*``."""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from goeswith.errors import ConfigError
from goeswith.settings import (
    FeastSettings,
    GatewaySettings,
    JudgeSettings,
    KafkaSettings,
    OperatorSettings,
    S3Settings,
    SparkSettings,
    TritonSettings,
)

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PROFILES = PROJECT_ROOT / "infra" / "profiles"


class Profile(BaseSettings):
    """Every setting of one deployment. Unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix="GOESWITH_", env_nested_delimiter="__", extra="forbid", frozen=True)

    profile: Literal["local", "compose", "cluster"] = "local"
    home: Path = Path(".goeswith")
    lake: str = ""
    """A folder, or ``s3://BUCKET/PREFIX``; "": the folder ``lake`` of the home."""
    s3: S3Settings = S3Settings()
    user_hash_key: SecretStr = SecretStr("goeswith-local")
    signing_key: Path | None = None
    """A file with the key that signs the model repository's manifest; without one it is not signed."""
    logs: Literal["text", "json"] = "text"
    """How jobs log: lines for people, or JSON with run, step and job, also of what Spark logs. The gateway always logs JSON."""
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

    @field_validator("lake")
    @classmethod
    def _one_spelling(cls, lake: str) -> str:
        """Refuse every spelling of an object store but the one that all libraries are told."""
        if "://" in lake and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[\w.=-]+)*/?", lake):
            raise ValueError("a folder, or s3://BUCKET/PREFIX")
        return lake.rstrip("/")

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
        """Where the Delta tables are: a folder, or ``s3://BUCKET/PREFIX``. Pictures, models and all else stay below the home."""
        return self.lake or str(self.root / "lake")

    @property
    def on_s3(self) -> bool:
        """Whether the lake lies in an object store."""
        return self.lake_uri.startswith("s3://")

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
    def promotions(self) -> Path:
        """One record a training: whether its models go live, and why (``goeswith.promotions``)."""
        return self.root / "promotions"

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
