"""Run a table's suite over a frame in Spark and say, expectation by expectation, what was seen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
from great_expectations.expectations.metadata_types import FailureSeverity
from pyspark.sql import DataFrame

from goeswith.catalogue import Table
from spark_jobs.gates.frame import Prepared
from spark_jobs.gates.suite import build_suite

MAX_SAMPLES = 10
MAX_SAMPLE_CHARS = 200
SAMPLES = {"result_format": "BASIC", "partial_unexpected_count": MAX_SAMPLES}
PRIVATE = frozenset({"user_id"})
"""Columns whose values stand in no sample: a gate's results are read by more people than the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one expectation met. ``unexpected`` counts the rows that broke it, ``sample`` holds at most ten of their values."""

    expectation: str
    success: bool
    severity: str = "stop"
    crashed: bool = False
    observed: str | None = None
    unexpected: int | None = None
    sample: str | None = None


def check_frame(table: Table, prepared: Prepared) -> list[Outcome]:
    """Validate a frame by the table's suite, and let go of it.

    All expectations are first counted together, which Great Expectations does in few Spark jobs; only those that fail are
    asked again for samples.
    """
    try:
        batch, suite = _batch(prepared.frame), build_suite(table)
        results = [*batch.validate(suite, result_format="BOOLEAN_ONLY").results]
        failed = [result.expectation_config.to_domain_obj() for result in results if not result.success]
        samples = _by_name(batch.validate(_part(suite, failed), result_format=SAMPLES).results if failed else [])
    finally:
        prepared.frame.unpersist()
    return [_outcome(samples.get(_says(result), result), prepared.rows) for result in results]


def _batch(frame: DataFrame) -> Any:
    """Wrap a frame for Great Expectations in a context that keeps nothing, writes no site, draws no bar and reports to nobody."""
    no_bars = ProgressBarsConfig(globally=False)
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=no_bars, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_spark("spark", persist=False).add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})


def _part(suite: Any, expectations: Sequence[Any]) -> Any:
    return gx.ExpectationSuite(name=f"{suite.name} samples", expectations=list(expectations))


def _says(result: Any) -> str:
    return str(result.expectation_config.meta["says"])


def _by_name(results: Sequence[Any]) -> dict[str, Any]:
    return {_says(result): result for result in results}


def _outcome(result: Any, rows: int) -> Outcome:
    severity = "warn" if result.expectation_config.severity == FailureSeverity.WARNING else "stop"
    crash = _crash(result.exception_info or {})
    if crash:
        return Outcome(expectation=_says(result), success=False, severity=severity, crashed=True, observed=json.dumps({"error": crash}))
    found = result.result or {}
    return Outcome(
        expectation=_says(result),
        success=bool(result.success),
        severity=severity,
        observed=json.dumps({"rows": rows}),
        unexpected=0 if result.success else found.get("unexpected_count"),
        sample=None if result.success else _sample(result.expectation_config.kwargs, found.get("partial_unexpected_list") or []),
    )


def _crash(info: dict[str, Any]) -> str | None:
    """Return the first exception that an expectation raised; Great Expectations nests them by metric."""
    if info.get("raised_exception"):
        return str(info.get("exception_message"))[:MAX_SAMPLE_CHARS]
    nested = (_crash(value) for value in info.values() if isinstance(value, dict))
    return next((message for message in nested if message), None)


def _sample(kwargs: dict[str, Any], values: Sequence[Any]) -> str:
    columns = kwargs.get("column_list") or [str(kwargs.get("column"))]
    return json.dumps(shown_values(values, columns))


def shown_values(values: Sequence[Any], columns: Sequence[str]) -> list[Any]:
    """Return at most ten of the values that ``columns`` held, each cut to a bounded length, private ones masked."""
    return [_shown(value, columns[0]) for value in values[:MAX_SAMPLES]]


def _shown(value: Any, column: str) -> Any:
    if isinstance(value, dict):
        return {name: _shown(part, name) for name, part in value.items()}
    if PRIVATE.intersection(column.split("__")):
        return "***"
    return value if isinstance(value, int | float | None) else str(value)[:MAX_SAMPLE_CHARS]
