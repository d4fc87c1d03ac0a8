"""Pages of figures: prose with its tables and values filled in from rows of ``docs/figures/``, never typed.

A page's prose is a Jinja template beside the rows. ``evaluation(data)`` and ``bench(task, data, parts)`` are tables, the latter of slices
whose names begin with the pattern ``parts``; ``row(task, data, slice, model, metric)`` is one row, and one that is not there stops the page;
``capacity`` turns rows into a cluster.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from goeswith.command.bench_tables import bench_markdown
from goeswith.errors import EnvironmentMissing, VersionMissing
from goeswith.profile import PROJECT_ROOT
from goeswith.results import Figure, load_figures

FIGURES = PROJECT_ROOT / "docs" / "figures"
PAGES = {"figures": "figures.md.j2", "scale": "scale.md.j2"}
"""Page -> its template; the page itself is ``docs/PAGE.md``."""

FITTED = "exponent"
"""A metric that pages write out beside what it means, not in a table of measurements."""
SECONDS_PER_MINUTE = 60


def read_kept(folder: Path = FIGURES) -> list[Figure]:
    """Return the rows of all pages. Raises ``EnvironmentMissing`` where there are none, as outside a clone."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise EnvironmentMissing(f"there are no figures in {folder}", "run it in a clone of the repository")
    return [figure for path in files for figure in load_figures(path)]


def render_page(page: str, figures: Sequence[Figure], folder: Path = FIGURES) -> str:
    """Return a page as Markdown. Raises ``VersionMissing`` for a row that its template asks for and that is not kept."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(  # Markdown of our own: there is nothing to escape
        loader=FileSystemLoader(folder),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"duration": duration, "grouped": "{:,.0f}".format}
    return templates.get_template(PAGES[page]).render(**_names(figures))


def _names(figures: Sequence[Figure]) -> dict[str, Any]:
    from benchmarks.cirp.runs import EPOCHS
    from benchmarks.graph import capacity
    from training.evaluation.pages import figures_markdown

    row = partial(find_figure, figures)

    def evaluation(data: str) -> str:
        return figures_markdown(figure for figure in figures if figure.data == data).rstrip("\n")

    def bench(task: str, data: str, parts: str = "") -> str:
        chosen = (figure for figure in figures if (figure.task, figure.data) == (task, data) and figure.metric != FITTED)
        return bench_markdown(figure for figure in chosen if re.match(parts, figure.slice)).rstrip("\n")

    return {"row": row, "rows": figures, "evaluation": evaluation, "bench": bench, "capacity": capacity, "epochs_timed": EPOCHS}


def find_figure(figures: Sequence[Figure], task: str, data: str, part: str, model: str, metric: str) -> Figure:
    """Return the one row with these keys. Raises ``VersionMissing``."""
    wanted = (task, data, part, model, metric)
    for figure in figures:
        if (figure.task, figure.data, figure.slice, figure.model, figure.metric) == wanted:
            return figure
    raise VersionMissing(f"no figure is kept for {' / '.join(wanted)}", "measure it and keep its file: goeswith figures --keep FILE")


def duration(seconds: float) -> str:
    """Return '10 min 2 s', '23 min' or '48 s'."""
    minutes, left = divmod(round(seconds), SECONDS_PER_MINUTE)
    words = [f"{minutes} min"] if minutes else []
    return " ".join(words + ([f"{left} s"] if left or not minutes else []))
