"""Labels of people: three annotators, a majority, and what stands in no class."""

from pathlib import Path

import pytest

from goeswith.catalogue.graph import LABELS
from goeswith.errors import SourceUnreadable
from training.judge.people import COLUMNS, agreement, coarse, finer, majority, read_people

HEAD = "\t".join(("ITEM_URL_1", "ITEM_NAME_1", "ITEM_URL_2", "ITEM_NAME_2", *(f"ANNOTATOR{n}_{part}" for n in (1, 2, 3) for part in ("ID", "LABEL"))))


def table(folder: Path, *rows: str) -> Path:
    """Write rows 'a b 1 2 3': two items, three labels ('-' was not given)."""
    lines = [HEAD]
    for row in rows:
        a, b, *labels = row.split()
        lines.append("\t".join([a, f'{a} "title', b, f"{b} title", *(part for x in labels for part in ("7", x.replace("-", "")))]))
    path = folder / "people.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("label", "fine", "of_three"),
    [
        ("1", "substitute", "substitute"),
        ("2", "replenish", "complement"),
        ("3", "replenish", "complement"),
        ("4", "complement", "complement"),
        ("7", "complement", "complement"),
        ("8", "neither", "neither"),
        ("9", None, None),
        ("", None, None),
    ],
)
def test_each_label_has_a_finer_class_and_one_of_three(label: str, fine: str | None, of_three: str | None) -> None:
    assert (finer(label), coarse(label)) == (fine, of_three)


def test_two_of_three_decide_and_three_answers_decide_nothing() -> None:
    assert majority(["a", "b", "a"]) == "a"
    assert majority(["a", "b", "c"]) is None
    assert majority([None, None, "a"]) is None


def test_kinds_of_complement_are_one_class_and_hard_to_say_is_left_out(tmp_path: Path) -> None:
    lessons = read_people(table(tmp_path, "a b 4 5 7", "a c 2 5 3", "a d 9 9 1", "b c 1 8 5", "b d 1 1 9", "c d 2 4 8"))
    found = dict(zip(zip(lessons.src, lessons.dst, strict=True), zip([LABELS[i] for i in lessons.labels], lessons.finer, strict=True), strict=True))
    assert found == {
        ("a", "b"): ("complement", "complement"),
        ("a", "c"): ("complement", "replenish"),
        ("b", "d"): ("substitute", "substitute"),
        ("c", "d"): ("complement", None),
    }
    assert lessons.items["a"].title == 'a "title'


def test_a_pair_that_stands_twice_counts_once_and_not_at_all_where_its_answers_differ(tmp_path: Path) -> None:
    lessons = read_people(table(tmp_path, "a b 1 1 1", "b a 1 1 8", "c d 1 1 1", "d c 8 8 8"))
    assert list(zip(lessons.src, lessons.dst, strict=True)) == [("a", "b")]


def test_agreement_counts_twos_of_annotators_who_gave_a_label(tmp_path: Path) -> None:
    assert agreement(table(tmp_path, "a b 1 1 8", "a c 4 7 -")) == (2 / 4, 4)


def test_a_file_without_a_column_is_refused_with_the_columns(tmp_path: Path) -> None:
    (tmp_path / "people.tsv").write_text("ITEM_URL_1\tLABEL\n")
    with pytest.raises(SourceUnreadable, match=COLUMNS[1]):
        read_people(tmp_path / "people.tsv")
    with pytest.raises(SourceUnreadable, match=r"nowhere\.tsv"):
        read_people(tmp_path / "nowhere.tsv")
