"""A person labels verdicts in the terminal: two items are shown, a word is read, and the answer is kept before the next question."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import typer

from goeswith.audit.answers import SKIP, answers_path, append_answer, read_answers
from goeswith.audit.sample import AskedVerdict, read_released
from goeswith.profile import Profile

KEYS = {"s": "substitute", "c": "complement", "n": "neither", "skip": SKIP}
QUIT = "quit"
QUESTION = "[s] one is bought instead of the other, [c] they go together, [n] neither, [skip], [quit]: "
ITEM = ("item_id", "title", "category", "price", "currency", "image")


def ask_person(profile: Profile, versions: Mapping[str, int], judge: str, sample: Sequence[AskedVerdict]) -> None:
    """Ask about what of a sample was not answered yet, until its end or the person's."""
    path = answers_path(profile, judge)
    answered = read_answers(path)
    todo = [one for one in sample if (one.src, one.dst, one.prompt_hash) not in answered]
    described, given = _read_items(profile, versions, todo), 0
    for number, one in enumerate(todo, start=len(sample) - len(todo) + 1):
        answer = _label(f"{number} of {len(sample)}", *(_describe(profile, described.get(item), item) for item in (one.src, one.dst)))
        if answer == QUIT:
            break
        append_answer(path, one, answer)
        given += 1
        typer.echo(f"the judge says {one.label}, and the pair was {one.fate}\n")
    left = len(todo) - given
    typer.echo(f"{given} answered, {left} left; how often {judge} is right: goeswith audit-verdicts --judge {judge} --report")


def _label(where: str, *items: str) -> str:
    typer.echo("\n".join((where, *items)))
    for line in _lines():
        word = line.strip().casefold()
        if word in KEYS or word == QUIT:
            return KEYS.get(word, QUIT)
        typer.echo(f"{word!r} is no answer")
    return QUIT


def _lines() -> Iterator[str]:
    """Yield what standard input brings, asking each time; it ends with the input."""
    while True:
        typer.echo(QUESTION, nl=False)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():  # a person's own return key has ended the line
            typer.echo("")
        if not line:
            return
        yield line


def _read_items(profile: Profile, versions: Mapping[str, int], asked: Sequence[AskedVerdict]) -> dict[str, dict[str, Any]]:
    """Return the rows of the items that are asked about; the table is read once, and the rest of it let go."""
    wanted = pa.array(sorted({item for one in asked for item in (one.src, one.dst)}), pa.string())
    rows = read_released(profile, versions, "items", ITEM)
    return {row["item_id"]: row for row in rows.filter(pc.is_in(rows["item_id"], value_set=wanted)).to_pylist()}


def _describe(profile: Profile, row: dict[str, Any] | None, item_id: str) -> str:
    """Return a few lines about an item; a title's control characters do not reach the terminal."""
    if row is None:
        return f"  {_printable(item_id)}: no longer in the catalogue"
    price = "no price" if row["price"] is None else f"{row['price']:.2f} {row['currency'] or ''}"
    picture = str(profile.pictures / row["image"]) if row["image"] else "no picture"
    told = (row["title"] or "no title", " > ".join(row["category"] or ()) or "no category", price.strip(), picture)
    return "\n".join((f"  {_printable(item_id)}: {_printable(told[0])}", *(f"      {_printable(text)}" for text in told[1:])))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
