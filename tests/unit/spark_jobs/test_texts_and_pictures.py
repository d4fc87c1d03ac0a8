"""What ingest does in Python: decoding entities, and storing pictures."""

import html
import io
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from goeswith.pictures import read_picture
from spark_jobs.cleaning import decode_array
from spark_jobs.picture_intake import store_row
from spark_jobs.row_checks import DETAIL, ROW, RULE


@given(st.lists(st.none() | st.text(max_size=20), max_size=8), st.integers(1, 3))
def test_text_comes_back_however_often_it_was_encoded(texts: list[str | None], times: int) -> None:
    plain = [None if text is None else text.replace("&", "+") for text in texts]
    encoded = plain
    for _ in range(times):
        encoded = [None if text is None else html.escape(text) for text in encoded]
    assert decode_array(pa.array(encoded, pa.string())).to_pylist() == plain


def test_entities_are_decoded_within_lists_and_structs() -> None:
    attributes = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string())]))
    values = [[{"name": "a&amp;b", "value": None}], None, []]
    assert decode_array(pa.array(values, attributes)).to_pylist() == [[{"name": "a&b", "value": None}], None, []]


@given(st.text(max_size=40))
def test_decoding_ends_and_is_stable(text: str) -> None:
    once = decode_array(pa.array([text]))
    assert decode_array(once) == once


def test_text_without_an_entity_is_handed_on_untouched() -> None:
    values = pa.array(["plain", None])
    assert decode_array(values) is values


def test_a_picture_is_stored_under_its_content_and_a_bad_one_named_with_its_rule(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    good = store_row(tmp_path, {"item_id": "a", "reference": "a.png", "content": out.getvalue()})
    assert good.get(RULE) is None
    assert read_picture(tmp_path, str(good["image"])) == out.getvalue()
    bad = store_row(tmp_path, {"item_id": "a", "reference": "b.png", "content": b"<html>"})
    assert bad[RULE] == "picture_unreadable"
    assert bad[DETAIL] == "b.png: no readable picture: neither JPEG nor PNG"  # the same at each reading, so a re-run writes nothing
    assert store_row(tmp_path, {"item_id": "a", "reference": "c.png", "content": None})[RULE] == "picture_missing"
    assert "b.png" in str(bad[ROW])
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
