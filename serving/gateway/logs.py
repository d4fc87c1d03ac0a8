"""A request's line in the log. It holds no query, no path, no body, no address and no agent: nothing about a person."""

import logging
from dataclasses import asdict

from serving.gateway.seen import Seen

requests = logging.getLogger("goeswith.requests")

_SERVER_ERROR = 500


def write_line(seen: Seen) -> None:
    """Write the line."""
    fields = {**asdict(seen), "ms": round(seen.ms, 1)}
    del fields["started"]
    requests.log(logging.ERROR if seen.status == _SERVER_ERROR else logging.INFO, "request", extra={"fields": fields})
