"""Figures of ``evaluate_models`` as tables for people: one a task and slice, the slice that decides first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN_METRICS = ("recall@20", "ndcg@10", "hr@10", "mrr@10", "accuracy")
SLICES = ("planted", "all", "warm", "held_baskets", "full_catalogue", "warm_strict", "cold", "planted_all")
"""The order of slices; those not named come last, by name. A task is decided by the first one that it has."""

Cells = dict[str, dict[str, Mapping[str, Any]]]


def metric_tables(metrics: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one table a (task, slice): models down, metrics across, the best first; ``main`` says that the slice decides its task."""
    cells: dict[tuple[str, str, str], Cells] = defaultdict(lambda: defaultdict(dict))
    for figure in metrics:
        if figure["metric"] in SHOWN_METRICS:
            cells[figure["task"], figure["slice"], figure["data"]][figure["model"]][figure["metric"]] = figure
    tables = [_table(*key, models) for key, models in sorted(cells.items(), key=lambda item: _order(item[0]))]
    decided: set[tuple[str, str]] = set()
    for table in tables:
        table["main"] = (table["task"], table["data"]) not in decided
        decided.add((table["task"], table["data"]))
    return tables


def _order(key: tuple[str, str, str]) -> tuple[str, str, int, str]:
    task, part, data = key
    return data, task, SLICES.index(part) if part in SLICES else len(SLICES), part


def _table(task: str, part: str, data: str, models: Cells) -> dict[str, Any]:
    columns = [m for m in SHOWN_METRICS if any(m in row for row in models.values())]
    ranked = sorted(models.items(), key=lambda item: -item[1].get(columns[0], {"value": 0})["value"])
    cases = max((figure["n"] or 0 for row in models.values() for figure in row.values()), default=0)
    return {"task": task, "data": data, "slice": part, "columns": columns, "models": ranked, "n": cases}
