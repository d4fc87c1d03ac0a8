"""Arrow types to Feast types, from type objects: Feast's own map goes by names and fails on what Delta readers return."""

import pyarrow as pa
from feast.types import Array, Bool, FeastType, Float32, Float64, Int32, Int64, String, UnixTimestamp

from goeswith.errors import DataContractError

_SCALARS: tuple[tuple[pa.DataType, FeastType], ...] = (
    (pa.string(), String),
    (pa.bool_(), Bool),
    (pa.int32(), Int32),
    (pa.int64(), Int64),
    (pa.float32(), Float32),
    (pa.float64(), Float64),
)


def feast_type(kind: pa.DataType) -> FeastType:
    """Return the Feast type of a flat catalogue type (``flat_schema``). Raises ``DataContractError`` for a type that no table may have."""
    for arrow, found in _SCALARS:
        if kind.equals(arrow):
            return found
    if pa.types.is_timestamp(kind):
        return UnixTimestamp
    if pa.types.is_list(kind):
        return Array(feast_type(kind.value_type))
    raise DataContractError(f"Feast knows no type for {kind}", "use string, int32/64, float32/64, bool, timestamp or a list of these")
