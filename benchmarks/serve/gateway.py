"""The gateway over a stack, and questions to it over connections that are kept."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.serve.clocks import Ask
from benchmarks.serve.stack import Stack
from goeswith_client import ClientError
from serving.gateway.process import start_gateway, stop_gateway


@contextmanager
def serving_gateway(stack: Stack) -> Iterator[int]:
    """Run the gateway for as long as the block lasts, and yield its process's number."""
    try:
        yield start_gateway(stack.profile).pid
    finally:
        stop_gateway(stack.profile)


def ask_gateway(stack: Stack, path_of: Callable[[str], str]) -> Ask:
    """Return a question whose path comes from the item; an answer that is none is an error of the client."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.profile.gateway.port, timeout=30)

    def ask(item: str) -> None:
        connection.request("GET", path_of(item))
        found = connection.getresponse()
        found.read()
        if found.status != http.client.OK:
            raise ClientError(f"the gateway answered {found.status}")

    return ask
