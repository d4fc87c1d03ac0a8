"""A closed segment, line by line: what each says, and the rule that it breaks."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

INCOMPLETE, FORGOTTEN = "row_incomplete", "forgotten"
MASK = "*"
"""What stands in the place of a user who was forgotten while the row waited."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a segment: what the table ``feedback`` holds of it, or the ``rule`` that it breaks."""

    segment: str
    number: int
    text: str
    row: dict[str, Any]
    rule: str | None

    def refusal(self, target: str) -> dict[str, Any]:
        """Return the row of the quarantine. Nothing is kept of somebody who was forgotten."""
        name = hashlib.sha256(f"{target} {self.segment} {self.number}".encode()).hexdigest()
        text = "{}" if self.rule == FORGOTTEN else self.text
        return {"source": target, "row_hash": name, "target": target, "row": text, "rule": self.rule, "detail": f"{self.segment}:{self.number}"}


def read_segment(path: Path) -> Iterator[Line]:
    """Yield the lines of a segment; one that a killed process cut short is incomplete."""
    with path.open("rb") as file:
        for number, content in enumerate(file, 1):
            yield _read_line(path.stem, number, content)


def _read_line(segment: str, number: int, content: bytes) -> Line:
    text = content.decode("utf-8", "backslashreplace").rstrip("\n")
    try:
        row: dict[str, Any] = json.loads(text)
        rule = row.pop("rule")
        times = {name: datetime.fromisoformat(row[name]) for name in ("happened_at", "received_at")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return Line(segment, number, text, {}, INCOMPLETE)
    return Line(segment, number, text, {**row, **times, "segment": segment}, FORGOTTEN if MASK in row["unit"] else rule)
