"""Progress of anything that takes over two seconds: a bar on a terminal, a line now and then in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0
Advance = Callable[[int, str], None]


@contextmanager
def progress(what: str, total: int | None, *, unit: str = "") -> Iterator[Advance]:
    """Yield ``advance(steps, note)``. Progress goes to standard error, so standard output stays data.

    ``total`` None means that the end is not known. ``note`` is shown behind the bar (for example 'loss 1.23').
    """
    if sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _logged(what, total, unit)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, note="")

        def advance(steps: int, note: str = "") -> None:
            bar.update(task, advance=steps, note=note)

        yield advance


def _logged(what: str, total: int | None, unit: str) -> Advance:
    started = last = time.monotonic()
    done = 0

    def advance(steps: int, note: str = "") -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= LOG_EVERY_S:
            last = now
            rate = done / (now - started)
            logger.info("%s: %d%s %s (%.1f/s) %s", what, done, f" of {total}" if total else "", unit, rate, note)

    return advance
