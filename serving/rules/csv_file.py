"""Rules in a CSV file: a column for each thing that a rule says, and ``why``."""

import csv
from pathlib import Path
from typing import Any

from goeswith_client.rules import MAX_RULES, RuleBody
from serving.rules.recorded import RuleRefused, parse_body

WHY = "why"
COLUMNS = (*RuleBody.model_fields, WHY)


def read_csv(path: Path, why: str) -> tuple[list[RuleBody], list[str]]:
    """Return the rules of a file and why each is added: what its line says, else ``why``. Raises ``RuleRefused`` that names the line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if unknown := [name for name in reader.fieldnames or () if name not in COLUMNS]:
                raise RuleRefused(f"{path} has a column {unknown[0]!r}", f"columns: {', '.join(COLUMNS)}")
            rows = [row for row, _ in zip(reader, range(MAX_RULES + 1), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RuleRefused(f"{path} cannot be read: {error}", "give a CSV file in UTF-8 with a line of column names") from error
    if not rows:
        raise RuleRefused(f"{path} holds no rule", f"columns: {', '.join(COLUMNS)}")
    return [_body(row, line) for line, row in enumerate(rows, 2)], [row.get(WHY) or why for row in rows]


def _body(row: dict[str, Any], line: int) -> RuleBody:
    try:
        return parse_body({name: value for name, value in row.items() if value and name != WHY})
    except RuleRefused as error:
        raise RuleRefused(f"line {line}: {error.what}", error.remedy) from error
