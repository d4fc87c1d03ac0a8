"""Slow clients, many at once: none keeps a connection for ever, and none keeps the others waiting. Over real sockets."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from goeswith.profile import PROJECT_ROOT
from goeswith.settings import GatewaySettings
from serving.gateway.connections import ImpatientProtocol
from serving.gateway.limit import LimitBody
from tests.tiny_gateway import running, talk, tiny_app

HEAD_S = 1.5
BODY_S = 1.0
MANY = 300
QUESTION = b"POST /ask/bundle HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"


@pytest.fixture
def where(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Serve, with the clocks of a patient test."""
    monkeypatch.setattr(ImpatientProtocol, "head_s", HEAD_S)
    with running(tiny_app(settings=GatewaySettings(body_s=BODY_S)), connections=MANY + 50) as found:
        yield found


def ask(where: tuple[str, int]) -> int:
    with urllib.request.urlopen(f"http://{where[0]}:{where[1]}/items/i3", timeout=10) as found:
        return int(found.status)


def dribble(where: tuple[str, int], first: bytes, *, timeout_s: float = 10.0) -> tuple[bytes, float]:
    """Send a beginning, then a byte now and then; return what came back, and after how long the other side closed."""
    started, answer = time.monotonic(), b""
    with socket.create_connection(where, timeout=0.1) as connection:
        connection.sendall(first)
        while time.monotonic() - started < timeout_s:
            try:
                got = connection.recv(65_536)
                if not got:
                    break
                answer += got
            except TimeoutError:
                connection.sendall(b"x")
            except ConnectionResetError:
                break
    return answer, time.monotonic() - started


@pytest.mark.parametrize("beginning", [b"", b"GET /items/i3 HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["nothing", "half a head"])
def test_hundreds_that_never_finish_a_head_keep_nobody_waiting_and_are_let_go(where: tuple[str, int], beginning: bytes) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(where, timeout=10)) for _ in range(MANY)]
        for connection in slow:
            connection.sendall(beginning)
        started = time.monotonic()
        assert ask(where) == 200
        assert time.monotonic() - started < 5
        assert {ended(connection) for connection in slow} == {True}


def test_hundreds_that_never_finish_a_body_are_told_so(where: tuple[str, int]) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(where, timeout=10)) for _ in range(MANY)]
        for connection in slow:
            connection.sendall(QUESTION + b'{"items": [')
        assert ask(where) == 200
        assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 408"}


def test_a_byte_now_and_then_buys_no_time(where: tuple[str, int]) -> None:
    assert dribble(where, b"GET /items/i3 HTTP/1.1\r\nX-Slow: ")[1] < HEAD_S + 2
    answer, seconds = dribble(where, QUESTION)
    assert (answer[:12], seconds < BODY_S + HEAD_S + 2) == (b"HTTP/1.1 408", True)


def test_a_second_request_on_a_connection_has_no_more_time_than_the_first(where: tuple[str, int]) -> None:
    answer, seconds = dribble(where, b"GET /items/i3 HTTP/1.1\r\nHost: x\r\n\r\nGET /items/i3 HT")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert seconds < HEAD_S + 6


def test_who_does_not_stop_sending_a_refused_body_is_cut_off(where: tuple[str, int]) -> None:
    head = f"POST /ask/new HTTP/1.1\r\nHost: x\r\nContent-Length: {2 * 2**30}\r\n\r\n".encode()
    answer, seconds = dribble(where, head)
    assert (answer[:12], seconds < HEAD_S + 2) == (b"HTTP/1.1 413", True)


def test_who_reads_no_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "read_s", 0.5)
    with running(tiny_app()) as where, socket.create_connection(where, timeout=10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with pytest.raises((ConnectionError, TimeoutError)):
            pipeline(connection, 2_000)
        assert ask(where) == 200


def test_above_the_bound_of_connections_the_answer_is_503_and_soon_over() -> None:
    with running(tiny_app(), connections=20) as where, ExitStack() as stack:
        for _ in range(25):
            stack.enter_context(socket.create_connection(where, timeout=10))
        assert b"HTTP/1.1 503" in talk(where, b"GET /items/i3 HTTP/1.1\r\nHost: x\r\n\r\n")
        stack.close()
        time.sleep(0.2)
        assert ask(where) == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"GET /items/i3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: a\r\n injected: b\r\n\r\n",
        b"GET /items/i3 HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /items/i3 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST /ask/bundle HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["noise", "folded header", "endless header", "two lengths", "bad chunk"],
)
def test_what_is_no_http_is_refused_and_nobody_else_notices(where: tuple[str, int], raw: bytes) -> None:
    answer = talk(where, raw)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))
    assert b"injected" not in answer
    assert ask(where) == 200


def test_large_requests_all_at_once_do_not_fill_the_memory() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await Response("done")(scope, receive, send)

    statuses = asyncio.run(send_at_once(LimitBody(app, max_bytes=100, seconds=5, max_held=350), [b"x" * 90] * 5))
    assert sorted(statuses) == [200, 200, 200, 200, 503]


def test_its_process_may_open_a_file_for_each_connection() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (300, 900)); from serving.gateway.serve import make_room;"
        "make_room(400); print(r.getrlimit(r.RLIMIT_NOFILE)[0]); make_room(5_000); print(r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT).stdout == "600\n900\n"


async def send_at_once(layer: LimitBody, bodies: list[bytes]) -> list[int]:
    """Send all bodies' beginnings, then all their ends; then one more, for which there must be room again."""
    together = asyncio.Event()

    async def ask(body: bytes) -> int:
        parts = [body[:80], body[80:]]
        found: list[int] = []

        async def receive() -> Message:
            if len(parts) == 1:
                await together.wait()
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Message) -> None:
            found.extend([message["status"]] if "status" in message else [])

        await layer({"type": "http", "headers": []}, receive, send)
        return found[0]

    asked = [asyncio.create_task(ask(body)) for body in bodies]
    await asyncio.sleep(0.05)
    together.set()
    statuses = await asyncio.gather(*asked)
    assert await ask(bodies[0]) == 200
    return list(statuses)


def pipeline(connection: socket.socket, count: int) -> None:
    """Ask for much, again and again."""
    for _ in range(count):
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.001)


def ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
