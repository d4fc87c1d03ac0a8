"""Logs as JSON, one line each. A request's line holds no query, no path, no body, no address and no agent: nothing about a person."""

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from serving.gateway.seen import Seen

requests = logging.getLogger("goeswith.requests")

_SERVER_ERROR = 500


class JsonLines(logging.Formatter):
    """A record as one line of JSON; ``extra={"fields": ...}`` become keys of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; line breaks in a message are escaped, so nobody forges a second one."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
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


def write_line(seen: Seen) -> None:
    """Write a request's line."""
    fields = {**asdict(seen), "ms": round(seen.ms, 1)}
    del fields["started"]
    requests.log(logging.ERROR if seen.status == _SERVER_ERROR else logging.INFO, "request", extra={"fields": fields})
