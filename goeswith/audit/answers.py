"""What a person answered, as JSON lines below the profile's home: item ids, the verdict that was asked about, and the label; no text of an item."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from goeswith.audit.sample import AskedVerdict
from goeswith.catalogue.graph import LABELS
from goeswith.errors import DataContractError
from goeswith.profile import Profile

SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """``answer`` is one of ``LABELS``, or ``SKIP`` where the person could not tell."""

    src: str
    dst: str
    prompt_hash: str
    answer: str


Answered = Mapping[tuple[str, str, str], str]
"""(src, dst, prompt_hash) -> answer; of two answers the later one holds."""


def answers_path(profile: Profile, judge: str) -> Path:
    """Return where the answers about a judge's verdicts are."""
    return profile.root / "audits" / f"{judge}.jsonl"


def read_answers(path: Path) -> Answered:
    """Return the answers of a file; none where it does not exist. Raises ``DataContractError`` that names a line which is none."""
    found: dict[tuple[str, str, str], str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), start=1):
        try:
            given = AuditAnswer(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DataContractError(f"{path}, line {number} is no answer: {error}", "remove that line; its pair is asked about again") from error
        if given.answer not in (*LABELS, SKIP):
            raise DataContractError(f"{path}, line {number} answers {given.answer!r}", f"answers: {', '.join((*LABELS, SKIP))}")
        found[given.src, given.dst, given.prompt_hash] = given.answer
    return found


def append_answer(path: Path, asked: AskedVerdict, answer: str) -> None:
    """Add one answer; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    given = AuditAnswer(src=asked.src, dst=asked.dst, prompt_hash=asked.prompt_hash, answer=answer)
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(given), ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
