"""OpenLineage's events of a job's run, made from its refs: datasets with version, schema and rows; the DAG's run as the parent.

The names of datasets are those of OpenLineage's specification: where a thing lies, split into a namespace and a name.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    documentation_dataset,
    error_message_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.lineage.refs import Kind, Ref
from goeswith.profile import Profile

PRODUCER = "goeswith"


def build_event(state: RunState, job: Job, run: Run, inputs: Iterable[InputDataset] = (), outputs: Iterable[OutputDataset] = ()) -> RunEvent:
    """Return what happened to a run now."""
    now = datetime.now(UTC).isoformat()
    return RunEvent(eventType=state, eventTime=now, run=run, job=job, inputs=[*inputs], outputs=[*outputs], producer=PRODUCER)


def build_parent(namespace: str, dag: str, run_id: str) -> parent_run.ParentRunFacet:
    """Return the DAG's run that a job belongs to. Its id follows from its name, so all jobs of a run name the same one."""
    own = str(uuid5(NAMESPACE_URL, f"{namespace}/{dag}/{run_id}"))
    return parent_run.ParentRunFacet(run=parent_run.Run(runId=own), job=parent_run.Job(namespace=namespace, name=dag))


def build_failure(error: BaseException) -> error_message_run.ErrorMessageRunFacet:
    """Return why a run failed, without the stack behind it."""
    return error_message_run.ErrorMessageRunFacet(message=str(error) or type(error).__name__, programmingLanguage="python")


def build_input(profile: Profile, ref: Ref) -> InputDataset:
    """Return a thing that was read."""
    namespace, name = place_of(profile, ref)
    return InputDataset(namespace=namespace, name=name, facets=_facets(ref))


def build_output(profile: Profile, ref: Ref) -> OutputDataset:
    """Return a thing that was made; of a table's version, how many rows it holds."""
    namespace, name = place_of(profile, ref)
    return OutputDataset(namespace=namespace, name=name, facets=_facets(ref), outputFacets=_statistics(profile, ref))


def place_of(profile: Profile, ref: Ref) -> tuple[str, str]:
    """Return namespace and name of a thing."""
    match ref.kind:
        case Kind.TABLE:
            return _split(lake.table_uri(profile, ref.name))
        case Kind.MODEL:
            return _split(str(profile.models / ref.name))
        case Kind.SERVED:
            return f"triton://{profile.triton.host}:{profile.triton.grpc_port}", "models"
        case Kind.SOURCE:
            return _split(str(Path(ref.name).absolute())) if "/" in ref.name else (PRODUCER, ref.name)


def _split(uri: str) -> tuple[str, str]:
    """Return the namespace and the name of a path, or of an address in an object store."""
    parts = urlsplit(uri)
    return (f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")) if parts.netloc else ("file", parts.path)


def _facets(ref: Ref) -> dict[str, Any]:
    version = {} if ref.version is None else {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(ref.version))}
    return {**version, **(_described(ref.name) if ref.kind is Kind.TABLE else {})}


def _described(table: str) -> dict[str, Any]:
    known = find_table(table)
    fields = [_field(column) for column in known.schema]
    return {
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
        "documentation": documentation_dataset.DocumentationDatasetFacet(description=known.doc),
    }


def _field(column: pa.Field) -> schema_dataset.SchemaDatasetFacetFields:
    doc = (column.metadata or {}).get(b"doc", b"").decode()
    return schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type), description=doc)


def _statistics(profile: Profile, ref: Ref) -> dict[str, Any]:
    if ref.kind is not Kind.TABLE:
        return {}
    rows = lake.count_rows(profile, ref.name, ref.version)
    return {"outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)}
