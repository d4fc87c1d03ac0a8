"""Labels of people, as the table FBL2023 holds them: three annotators a pair of titles.

Sugahara, Yamasaki, Okamoto: "Is It Really Complementary?", RecSys 2024. Their classes: 1 the same function; 2, 3 one replenishes the other;
4 must be combined; 5, 6, 7 more useful together; 8 no relation; 9 hard to say.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from goeswith.catalogue.graph import LABELS
from goeswith.errors import SourceUnreadable
from goeswith.pair_judge.item import Item
from training.judge.lessons import Lessons

ANNOTATORS = tuple(f"ANNOTATOR{n}_LABEL" for n in (1, 2, 3))
COLUMNS = ("ITEM_URL_1", "ITEM_NAME_1", "ITEM_URL_2", "ITEM_NAME_2", *ANNOTATORS)
MAJORITY = 2
FINER = {"1": "substitute", "2": "replenish", "3": "replenish", **dict.fromkeys("4567", "complement"), "8": "neither"}
"""A label's finer class; 9, and a label that was not given, have none."""
COARSE = {"replenish": "complement"}
"""A refill is bought for what it refills: among three classes it is a complement, not a replacement."""


def finer(label: str) -> str | None:
    """Return the finer class of a label; None where it was hard to say, or was not given."""
    return FINER.get(label.strip())


def coarse(label: str) -> str | None:
    """Return which of ``LABELS`` a label means."""
    name = finer(label)
    return None if name is None else COARSE.get(name, name)


def majority(votes: Iterable[str | None]) -> str | None:
    """Return what at least two of three annotators say; None where they do not agree, or agree that it is hard to say."""
    winner, count = Counter(votes).most_common(1)[0]
    return winner if count >= MAJORITY else None


def read_people(path: Path) -> Lessons:
    """Return the pairs on which a majority of three agrees, each once. Raises ``SourceUnreadable``.

    Votes are counted after they are brought to three classes: two kinds of complement are no disagreement. A pair that the file holds
    twice with two answers is left out.
    """
    items: dict[str, Item] = {}
    told: dict[tuple[str, str], set[tuple[str, str | None]]] = {}
    for row in _rows(path):
        label = majority(coarse(row[name]) for name in ANNOTATORS)
        if label:
            a, b = row["ITEM_URL_1"], row["ITEM_URL_2"]
            items[a], items[b] = Item(title=row["ITEM_NAME_1"]), Item(title=row["ITEM_NAME_2"])
            told.setdefault((min(a, b), max(a, b)), set()).add((label, majority(finer(row[name]) for name in ANNOTATORS)))
    agreed = [(pair, *next(iter(answers))) for pair, answers in told.items() if len(answers) == 1 and pair[0] != pair[1]]
    labels = np.array([LABELS.index(label) for _, label, _ in agreed], dtype=np.int64)
    return Lessons(items, tuple(a for (a, _), _, _ in agreed), tuple(b for (_, b), _, _ in agreed), labels, tuple(name for _, _, name in agreed))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise SourceUnreadable(f"{path} lacks the column {missing[0]}", f"columns, separated by tabs: {', '.join(COLUMNS)}")
            yield from reader
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreadable(f"{path} cannot be read: {error}", "name a file of labels in UTF-8, for example FBL2023.tsv") from error


def agreement(path: Path) -> tuple[float, int]:
    """Return how often two annotators of a pair say the same of three classes, and of how many twos: what a judge can hope for."""
    same = total = 0
    for row in _rows(path):
        votes = [vote for vote in (coarse(row[name]) for name in ANNOTATORS) if vote]
        twos = [(a, b) for i, a in enumerate(votes) for b in votes[i + 1 :]]
        same, total = same + sum(a == b for a, b in twos), total + len(twos)
    return same / max(total, 1), total
