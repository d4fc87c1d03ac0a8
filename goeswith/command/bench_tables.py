"""Figures of benches as tables: slices and models down, metrics across, ours in bold; on a terminal or as Markdown."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from goeswith.results import Figure

OURS = "goeswith"


def _decimals(places: int) -> Callable[[float], str]:
    return lambda value: f"{value:,.{places}f}"


METRICS: dict[str, Callable[[float], str]] = {
    "accuracy": _decimals(3),
    "macro_f1": _decimals(3),
    "precision": _decimals(3),
    "recall": _decimals(3),
    "f1": _decimals(3),
    "confidence": _decimals(3),
    "coverage": _decimals(3),
    "ece_before": _decimals(3),
    "ece": _decimals(3),
    "pairs_per_s": _decimals(0),
    "goeswith/pairs_per_s": _decimals(2),
    "exponent": _decimals(2),
    "items_per_s": _decimals(0),
    "items_per_s/transformers": _decimals(2),
    "edges_per_s": _decimals(0),
    "edges_per_s/pyg": _decimals(2),
    "sampling_share": _decimals(3),
    "build_seconds": _decimals(1),
    "probes": _decimals(0),
    "recall@20": _decimals(3),
    "walks_per_s": _decimals(0),
    "p50_ms": _decimals(2),
    "p99_ms": _decimals(2),
    "per_second": _decimals(0),
    "errors": _decimals(0),
    "features_ms": _decimals(2),
    "model_ms": _decimals(2),
    "client_ms": _decimals(2),
    "answers": _decimals(0),
    "fallbacks": _decimals(0),
    "promote_seconds": _decimals(2),
    "roll_back_seconds": _decimals(2),
    "capacity_per_second": _decimals(0),
    **{f"{part}_mb{grown}": _decimals(1) for grown in ("", "_grown") for part in ("client", "gateway", "triton", "shared")},
    "waited_share": _decimals(3),
    "gflop_per_s": _decimals(0),
    "mfu": _decimals(3),
    "fill_seconds": _decimals(1),
    "budget_seconds": _decimals(0),
    "budget_seconds/transformers": _decimals(2),
    "even_items": _decimals(0),
    "seconds": _decimals(1),
    "rebuild_seconds": _decimals(1),
    "commit_seconds": _decimals(1),
    "publish_seconds": _decimals(1),
    "gate_seconds": _decimals(1),
    "seconds/duckdb": _decimals(2),
    "seconds/spark-self-join": _decimals(2),
    "seconds/rebuild": _decimals(2),
    "gate/job": _decimals(2),
    "peak_mb": _decimals(0),
    "shuffle_mb": _decimals(0),
    "disk_mb": _decimals(0),
    "pairs": _decimals(0),
}
"""The metrics that tables show, in their order, and how a value is written."""

PLAIN = ("peak_mb", "shuffle_mb", "disk_mb", "pairs", "gflop_per_s", "fill_seconds")
"""Metrics without an interval in tables: their runs differ little, and the rows hold it."""
RATES = ("items_per_s", "edges_per_s", "pairs_per_s", "accuracy", "precision")
"""Metrics of which more is better."""


@dataclass(frozen=True, slots=True)
class BenchTable:
    """One table: ``rows`` are (slice, model, one text a column)."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]


def build_tables(figures: Iterable[Figure]) -> list[BenchTable]:
    """Return the tables of benches; slices that follow each other and have the same metrics share one."""
    tables: list[BenchTable] = []
    for title, part, models in _slices(figures):
        columns = tuple(metric for metric in METRICS if any(metric in row for row in models.values()))
        rows = tuple((part, model, _texts(row, columns)) for model, row in _fastest_first(models, columns) if row.keys() & METRICS.keys())
        if tables and (tables[-1].title, tables[-1].columns) == (title, columns):
            rows = tables.pop().rows + rows
        tables.append(BenchTable(title, columns, rows))
    return tables


def _slices(figures: Iterable[Figure]) -> Iterator[tuple[str, str, Mapping[str, dict[str, Figure]]]]:
    found: dict[tuple[str, str], dict[str, dict[str, Figure]]] = {}
    for figure in figures:
        found.setdefault((f"{figure.data}: {figure.task}", figure.slice), {}).setdefault(figure.model, {})[figure.metric] = figure
    for (title, part), models in found.items():
        yield title, part, models


def _fastest_first(models: Mapping[str, dict[str, Figure]], columns: Sequence[str]) -> list[tuple[str, dict[str, Figure]]]:
    sign = -1 if columns and columns[0] in RATES else 1
    return sorted(models.items(), key=lambda item: min((sign * item[1][name].value for name in columns[:1] if name in item[1]), default=float("inf")))


def _texts(row: Mapping[str, Figure], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(_with_interval(row[metric], METRICS[metric]) if metric in row else "" for metric in columns)


def _with_interval(figure: Figure, write: Callable[[float], str]) -> str:
    """Return '12.3 [11.9, 12.8]'."""
    if figure.low is None or figure.high is None or figure.metric in PLAIN:
        return write(figure.value)
    return f"{write(figure.value)} [{write(figure.low)}, {write(figure.high)}]"


def bench_markdown(figures: Iterable[Figure]) -> str:
    """Return the tables as Markdown, one below the other."""
    return "\n".join(_markdown(table) for table in build_tables(figures))


def _markdown(table: BenchTable) -> str:
    head = f"| slice | model | {' | '.join(table.columns)} |\n|{' --- |' * (len(table.columns) + 2)}\n"
    return head + "".join(f"| {part} | {_bold(model)} | {' | '.join(texts)} |\n" for part, model, texts in table.rows)


def _bold(model: str) -> str:
    return f"**{model}**" if model == OURS else model


def print_tables(figures: Iterable[Figure]) -> None:
    """Print the tables for people."""
    from rich.console import Console
    from rich.table import Table

    for built in build_tables(figures):
        table = Table(title=built.title)
        for column in ("slice", "model", *built.columns):
            table.add_column(column, overflow="fold")  # a narrow terminal breaks a figure, and never cuts it short
        for part, model, texts in built.rows:
            table.add_row(part, model, *texts)
        Console().print(table)
