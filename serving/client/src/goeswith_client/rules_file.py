"""The file that hands rules to clients: read again when it was replaced, and never believed when it is damaged."""

import logging
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from goeswith_client.errors import RulesUnavailable
from goeswith_client.replaced import ReplacedFile
from goeswith_client.rulebook import NO_RULES, Rulebook, compile_rules
from goeswith_client.rules import MAX_RULES, Rule

logger = logging.getLogger(__name__)

RULES_FILE = "rules.json"
REMEDY = "write it again from the table: goeswith rules export"


class RulesContent(BaseModel):
    """What the file holds: the rules of one version of the table, those to come and those that ended included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(ge=0)
    rules: tuple[Rule, ...] = Field(max_length=MAX_RULES)


class RulesFile:
    """The rules as the file says, no rules while there never was one.

    A ban that is forgotten puts a banned item before a customer: where the file is damaged, or gone, the last rules that were read
    hold on, and answers say so. Without any, nothing is answered.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = ReplacedFile[Rulebook | RulesUnavailable | None](path, self._parse, missing=None)
        self._good: Rulebook | None = None

    def read(self) -> Rulebook:
        """Return the rules. Raises ``RulesUnavailable`` where the file is damaged and none were read before."""
        found = self._file.read()
        if isinstance(found, RulesUnavailable):
            raise found
        if found is None:
            return NO_RULES if self._good is None else replace(self._good, note=f"{self._path.name} is gone: the last rules hold")
        return found

    def _parse(self, path: Path) -> Rulebook | RulesUnavailable:
        try:
            content = RulesContent.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            logger.error("%s cannot be read: %s", path, type(error).__name__)
            return RulesUnavailable(f"{path.name} is damaged", REMEDY) if self._good is None else _held_on(self._good, path)
        self._good = compile_rules(content.rules)
        return self._good


def _held_on(good: Rulebook, path: Path) -> Rulebook:
    return replace(good, note=f"{path.name} is damaged: the last good rules hold")
