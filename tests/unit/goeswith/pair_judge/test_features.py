"""What the learned judge sees of a pair: the same for a symmetric part, in any script, and never a row that holds nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.pair_judge.features import STATISTICS, Rows, Shape, build_rows
from goeswith.pair_judge.item import Item
from goeswith.pair_judge.ngrams import hash_ngrams, hash_words, normalise

SHAPE = Shape(1, 3, 12)
PEN = Item(title="油性ボールペン 0.5mm 黒", brand="Uni", category=("office", "pen"), price=100.0)
REFILL = Item(title="ボールペン替芯 0.5mm 黒", brand="uni ", category=("office", "refill"), price=50.0)

words = st.one_of(st.none(), st.text(alphabet="ab 黒7", max_size=6))
items = st.builds(
    Item,
    title=words,
    brand=words,
    category=st.lists(st.sampled_from(["sport", "tennis", "balls"]), max_size=3).map(tuple),
    attributes=st.lists(st.tuples(st.just("colour"), st.sampled_from(["red", "blue"])), max_size=2).map(tuple),
    price=st.one_of(st.none(), st.floats(min_value=0, max_value=1e7)),
)


def statistics(left: Item, right: Item) -> dict[str, float]:
    rows = build_rows([(left, right)], SHAPE)
    return dict(zip(STATISTICS, rows.values[: len(STATISTICS)].tolist(), strict=True))


def dense(rows: Rows) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    table = np.zeros((len(rows.starts) - 1, SHAPE.width))
    for row in range(len(table)):
        part = slice(rows.starts[row], rows.starts[row + 1])
        np.add.at(table[row], rows.columns[part], rows.values[part])
    return table


def test_a_title_in_another_width_or_case_or_pack_size_is_the_same_title() -> None:
    assert normalise("ＵＮＩ　Pen 20本") == normalise("uni pen  30本") == "uni pen 00本"


def test_ngrams_are_those_of_the_text_with_a_space_at_either_end() -> None:
    spelled = {" ab "[i : i + n] for n in (1, 2, 3) for i in range(5 - n)}
    assert len(hash_ngrams("ab", 1, 3)) == len(spelled)
    assert set(hash_ngrams("ab", 2, 2)) < set(hash_ngrams("ab", 1, 3))
    assert len(hash_ngrams("", 1, 3)) == 0


def test_hashes_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert hash_ngrams("a", 1, 1).tolist() == [13012059237407811783, 17508005127702757215]
    assert hash_words("pen", "refill").tolist() != hash_words("refill", "pen").tolist()


def test_statistics_say_what_is_alike_and_what_is_missing() -> None:
    seen = statistics(PEN, REFILL)
    assert (seen["same_brand"], seen["same_narrowest"], seen["shared_depth"], seen["category_missing"]) == (1, 0, 0.5, 0)
    assert seen["dearer"] > 0 > statistics(REFILL, PEN)["dearer"]
    nothing = statistics(Item(), PEN)
    assert [nothing[f"{name}_missing"] for name in ("title", "category", "brand", "price")] == [1, 1, 1, 1]
    assert nothing["title_overlap"] == nothing["same_brand"] == 0


@given(st.lists(st.tuples(items, items), max_size=4))
def test_every_pair_has_a_row_of_finite_numbers_within_the_width(pairs: list[tuple[Item, Item]]) -> None:
    rows = build_rows(pairs, SHAPE)
    assert len(rows.starts) == len(pairs) + 1
    assert (np.diff(rows.starts) >= len(STATISTICS)).all()
    assert np.isfinite(rows.values).all()
    assert ((rows.columns >= 0) & (rows.columns < SHAPE.width)).all()


@given(items, items)
def test_only_the_directed_part_knows_the_order(left: Item, right: Item) -> None:
    there, back = (build_rows([pair], SHAPE) for pair in ((left, right), (right, left)))
    directed = 2
    assert np.array_equal(there.values[: len(STATISTICS) - directed], back.values[: len(STATISTICS) - directed])
    assert np.array_equal(there.values[len(STATISTICS) - directed : len(STATISTICS)], -back.values[len(STATISTICS) - directed : len(STATISTICS)])
    same = left.title == right.title and left.category == right.category
    assert not same or np.allclose(dense(there)[:, len(STATISTICS) :], dense(back)[:, len(STATISTICS) :])
