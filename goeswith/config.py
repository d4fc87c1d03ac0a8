"""Turn a mapping of parameters into a job's frozen ``Config``, or say which values are legal."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from goeswith.errors import ConfigError

ConfigT = TypeVar("ConfigT")

STRICT = ConfigDict(extra="forbid")
"""For ``@pydantic.dataclasses.dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)``."""


def parse_config(kind: type[ConfigT], values: Mapping[str, Any], *, where: str) -> ConfigT:
    """Return ``kind(**values)`` with each value checked against its annotation.

    ``where`` names the job or file for the error message. Raises ``ConfigError`` for an unknown
    field or a value of the wrong type; the message lists the legal fields.
    """
    if not is_dataclass(kind):
        raise AssertionError(f"{kind} is no dataclass")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        legal = ", ".join(field.name for field in fields(kind)) or "none"
        raise ConfigError(f"{where}: {problems}", f"legal parameters: {legal}") from error
