"""Lists of structs are taken apart without losing a row, a place or a null."""

import math
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.flat import flat_schema, flatten

ROW = pa.struct([pa.field("name", pa.string()), pa.field("score", pa.float32())])
SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("near", pa.list_(ROW), metadata={"doc": "neighbours"})])
member = st.fixed_dictionaries({"name": st.none() | st.text(max_size=3), "score": st.none() | st.floats(0, 1, width=32)})
rows = st.lists(st.fixed_dictionaries({"id": st.text(max_size=3), "near": st.none() | st.lists(member, max_size=4)}), max_size=6)


def test_members_become_lists_that_keep_the_doc() -> None:
    flat = flat_schema(SCHEMA)
    assert flat.names == ["id", "near_name", "near_score"]
    assert flat.field("near_score").type == pa.list_(pa.float32())
    assert flat.field("near_name").metadata == {b"doc": b"neighbours"}


@given(rows, st.integers(0, 3))
def test_each_member_stands_where_its_struct_stood(given_rows: list[dict[str, Any]], start: int) -> None:
    batch = pa.RecordBatch.from_pylist(given_rows, schema=SCHEMA).slice(min(start, len(given_rows)))
    for before, after in zip(batch.to_pylist(), flatten(batch).to_pylist(), strict=True):
        assert after["id"] == before["id"]
        if before["near"] is None:
            assert after["near_name"] is None
            assert after["near_score"] is None
        else:
            assert after["near_name"] == [m["name"] or "" for m in before["near"]]
            assert all(_same(m["score"], s) for m, s in zip(before["near"], after["near_score"], strict=True))


def _same(before: float | None, after: float) -> bool:
    return math.isnan(after) if before is None else before == after
