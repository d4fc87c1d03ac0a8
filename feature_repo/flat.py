"""Lists of structs as one list a member: 'neighbours' becomes 'neighbours_item_id', 'neighbours_score', and so on.

Feast turns a struct into a map, member by member: 1.1 ms a row of 20 neighbours, against .14 ms for plain lists.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc


def flat_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema in which each list of structs is replaced by its members' lists, docs kept."""
    return pa.schema([flat for field in schema for flat in _flat_fields(field)])


def flatten(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with each list of structs taken apart; a null member becomes '' or NaN, for Feast's lists hold no null."""
    columns = [column for field, column in zip(batch.schema, batch.columns, strict=True) for column in _flat_columns(field, column)]
    return pa.RecordBatch.from_arrays(columns, schema=flat_schema(batch.schema))


def _is_struct_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) and pa.types.is_struct(kind.value_type))


def _flat_fields(field: pa.Field) -> Iterator[pa.Field]:
    if not _is_struct_list(field.type):
        yield field
        return
    for member in field.type.value_type:
        yield pa.field(f"{field.name}_{member.name}", pa.list_(member.type), nullable=field.nullable, metadata=field.metadata)


def _flat_columns(field: pa.Field, column: pa.ListArray) -> Iterator[pa.Array]:
    if not _is_struct_list(field.type):
        yield column
        return
    valid = column.is_null()
    for member, values in zip(field.type.value_type, column.flatten().flatten(), strict=True):
        filled = pc.fill_null(values, "" if pa.types.is_string(member.type) else float("nan"))
        yield pa.ListArray.from_arrays(_offsets(column), filled, type=pa.list_(member.type), mask=valid)


def _offsets(column: pa.ListArray) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths.cast(pa.int32()))])
