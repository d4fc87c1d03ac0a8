"""``goeswith worker``: commands of ours one after the other in one process, so that Spark's JVM and slow imports start once."""

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from queue import SimpleQueue
from typing import Any

Call = Callable[[Sequence[str]], int]
"""Runs the words of a command and returns its exit code."""


def obey_orders(call: Call) -> None:
    """Run, with ``call``, the commands that standard input brings, one JSON object a line: {"words": [...], "log": PATH}; answer each with one line.

    An answer is {"code": exit code, "printed": standard output}. Whatever a command logs goes to its log. A crash ends the worker,
    and so does the end of standard input, also in the middle of a command: nobody would read its answer.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    orders: SimpleQueue[str] = SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_read_orders, args=(orders, busy), daemon=True).start()
    while line := orders.get():
        busy.set()
        answers.write(json.dumps(_obey(json.loads(line), call)) + "\n")
        busy.clear()
        answers.flush()


def _read_orders(orders: SimpleQueue[str], busy: threading.Event) -> None:
    """Hand on each line, and '' at the end."""
    for line in sys.stdin:
        orders.put(line)
    if busy.is_set():
        _end_with_children()  # the parent is gone; jobs stand being killed at any moment
    orders.put("")


def _end_with_children() -> None:
    """End at once, and with this process what it has started: a spark-submit would go on writing."""
    if os.getpgrp() == os.getpid():  # else the group is that of whoever started this by hand
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _obey(order: Mapping[str, Any], call: Call) -> dict[str, Any]:
    printed = io.StringIO()
    _log_to(Path(order["log"]))
    with redirect_stdout(printed):
        code = call(order["words"])
    return {"code": code, "printed": printed.getvalue()}


def _log_to(path: Path) -> None:
    """Let standard error, also that of native libraries, go to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 2)
    os.close(log)
