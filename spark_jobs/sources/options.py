"""The options of a source that has none: whatever is given is refused with the name of the source."""

from pydantic.dataclasses import dataclass

from goeswith.config import STRICT


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class NoOptions:
    """No option."""
