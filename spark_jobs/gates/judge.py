"""Let Great Expectations judge what was measured: a small frame, whatever the size of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

from goeswith.catalogue import Table
from spark_jobs.gates.suite import build_suite

Measures = Mapping[str, Mapping[str, float]]
"""For each promise, by what it says, its figures by part ('' where it knows none)."""

PART = "part"
MOST_PARTS = 10
"""Broken parts that are named; more than these are counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Great Expectations says of one promise: whether it holds, which parts broke it, and what it crashed with."""

    holds: bool
    broken: tuple[str, ...] = ()
    crash: str | None = None


def judge(table: Table, measures: Measures) -> dict[str, Verdict]:
    """Validate measures by the table's suite. A promise without any figure holds: there was nothing to compare."""
    asked = {"result_format": "SUMMARY", "unexpected_index_column_names": [PART], "partial_unexpected_count": MOST_PARTS}
    results = _batch(_frame(measures)).validate(build_suite(table), result_format=asked).results
    return {str(result.expectation_config.kwargs["column"]): _verdict(result) for result in results}


def _frame(measures: Measures) -> pd.DataFrame:
    columns = {says: pd.Series(figures, dtype="float64") for says, figures in measures.items()}
    return pd.DataFrame(columns).rename_axis(PART).reset_index()


def _batch(frame: pd.DataFrame) -> Any:
    """Wrap a frame for Great Expectations in a context that keeps nothing, writes no site, draws no bar and reports to nobody."""
    no_bars = ProgressBarsConfig(globally=False)
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=no_bars, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("measures").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})


def _verdict(result: Any) -> Verdict:
    crash = _crash(result.exception_info or {})
    found = (result.result or {}).get("partial_unexpected_index_list") or []
    return Verdict(bool(result.success) and crash is None, tuple(row[PART] for row in found), crash)


def _crash(info: Mapping[str, Any]) -> str | None:
    """Return the first exception that an expectation raised; Great Expectations nests them by metric."""
    if info.get("raised_exception"):
        return str(info.get("exception_message"))
    nested = (_crash(value) for value in info.values() if isinstance(value, dict))
    return next((message for message in nested if message), None)
