"""Feast's types come from our type objects."""

import re

import pyarrow as pa
import pytest
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

from feature_repo.types import feast_type
from goeswith.catalogue.schema import TIMESTAMP
from goeswith.errors import DataContractError


@pytest.mark.parametrize(
    ("arrow", "expected"),
    [
        (pa.string(), String),
        (pa.bool_(), Bool),
        (pa.int32(), Int32),
        (pa.int64(), Int64),
        (pa.float32(), Float32),
        (pa.float64(), Float64),
        (TIMESTAMP, UnixTimestamp),
        (pa.list_(pa.float32()), Array(Float32)),
        (pa.list_(pa.string()), Array(String)),
    ],
)
def test_each_type_of_the_catalogue_has_its_feast_type(arrow: pa.DataType, expected: object) -> None:
    assert feast_type(arrow) == expected


@pytest.mark.parametrize("arrow", [pa.decimal128(10, 2), pa.date32(), pa.large_string(), pa.struct([pa.field("a", pa.string())])])
def test_a_type_that_no_table_may_have_is_refused_by_name(arrow: pa.DataType) -> None:
    with pytest.raises(DataContractError, match=re.escape(str(arrow))):
        feast_type(arrow)
