"""Logs as JSON, one line each, with the run and the step that a line belongs to: the same of every job, and of the gateway."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

_context: dict[str, str] = {}
"""What every line of this process says besides; a process does one step at a time, its threads all work on that."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON; ``extra={"fields": ...}`` become keys of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; line breaks in a message are escaped, so nobody forges a second one."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def log_as_json(level: int = logging.INFO) -> None:
    """Let everything that this process logs go to standard error as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


@contextmanager
def log_context(**named: str) -> Iterator[None]:
    """Let every line of the block say these, too."""
    before = dict(_context)
    _context.update(named)
    try:
        yield
    finally:
        _context.clear()
        _context.update(before)


def current_context() -> Mapping[str, str]:
    """Return what lines say besides, for what logs by itself, as a JVM does."""
    return dict(_context)
