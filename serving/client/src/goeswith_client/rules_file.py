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
        try:
            found = self._file.read()
        except OSError as error:  # of its folder
            found = self._damaged(error)
        if isinstance(found, RulesUnavailable):
            raise found
        if found is None:
            return NO_RULES if self._good is None else replace(self._good, note=f"{self._path.name} is gone: the last rules hold")
        return found

    def _parse(self, path: Path) -> Rulebook | RulesUnavailable:
        try:
            content = RulesContent.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            return self._damaged(error)
        self._good = compile_rules(content.rules)
        return self._good

    def _damaged(self, error: Exception) -> Rulebook | RulesUnavailable:
        logger.error("%s cannot be read: %s", self._path, type(error).__name__)
        if self._good is None:
            return RulesUnavailable(f"{self._path.name} cannot be read", REMEDY)
        return replace(self._good, note=f"{self._path.name} cannot be read: the last good rules hold")
