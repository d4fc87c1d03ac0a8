"""Online features through Feast, which is imported only here and only when the first feature is asked for."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from goeswith_client.answers import TYPES, Evidence, Item, Type
from goeswith_client.errors import FeaturesUnavailable
from goeswith_client.features import Neighbour, Neighbours, State
from goeswith_client.offers import Offers
from goeswith_client.online_reads import OnlineReads
from goeswith_client.online_store import Keys, Row, import_feast
from goeswith_client.replaced import ReplacedFile
from goeswith_client.rulebook import Rulebook
from goeswith_client.rules_file import RULES_FILE, RulesFile

logger = logging.getLogger(__name__)

_NEIGHBOURS = ("neighbours_item_id", "neighbours_score", "neighbours_source", "neighbours_reason", "model_version", "release", "threshold")
_EDGE = ("weight", "relation", "n", "npmi", "lift", "judge", "prompt_hash", "p_type", "moved")
CARDS = 8_192
"""Items that are kept parsed, by what is said of them: some are asked for again and again."""


class FeastFeatures:
    """Features of the deployment whose folder holds ``feature_store.yaml`` and, once materialised, ``online.json``.

    Feast takes seconds to import: hold one of these for the life of the process.
    """

    def __init__(self, folder: Path, reads: OnlineReads | None = None) -> None:
        self._folder = folder
        self._reads = reads or OnlineReads(folder)
        self._online = ReplacedFile[dict[str, Any]](folder / "online.json", _parse, missing={})
        self._best = ReplacedFile[dict[str, list[str]]](folder / "bestsellers.json", _parse, missing={})
        self._offers = Offers(folder, self._read)
        self._rules = RulesFile(folder / RULES_FILE)

    def import_feast(self) -> None:
        """Import Feast, which takes seconds: that needs no release, so a process can do it when it starts."""
        import_feast()

    def warm_up(self) -> None:
        """Open the store and read from it, so that the first caller does not wait for it. Raises ``FeaturesUnavailable``."""
        self.items([""])

    def state(self) -> State:
        """Return the release behind the features. Raises ``FeaturesUnavailable`` where nothing was materialised."""
        found = self._online.read()
        if "release" not in found:  # at the first time, until all is there
            raise FeaturesUnavailable(f"nothing was materialised in {self._folder}", "run: goeswith run publish")
        return State(found["release"], datetime.fromisoformat(found["released_at"]), found.get("versions", {}), self._reads.away)

    def items(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that are known, at the prices and with the stock that were pushed since the release."""
        rows = self._read("item_cards", ("card",), [(item_id,) for item_id in item_ids])
        known = {item_id: _item(row["card"]) for item_id, row in zip(item_ids, rows, strict=True) if row["card"]}
        return self._offers.over(known, lambda: self.state().released_at.timestamp())

    def neighbours(self, kind: str, item_ids: Sequence[str]) -> Mapping[str, Neighbours]:
        """Return the precomputed neighbours of a type, of the items that have a list."""
        rows = self._read(f"item_neighbours_{kind}", _NEIGHBOURS, [(item_id,) for item_id in item_ids])
        return {item_id: _neighbours(row) for item_id, row in zip(item_ids, rows, strict=True) if row["model_version"] is not None}

    def edges(self, pairs: Sequence[tuple[str, str]], types: Sequence[Type] = TYPES) -> Sequence[Evidence]:
        """Return the edges of the types that stand between the ordered pairs."""
        found = []
        for kind in types:
            rows = self._read(f"relations_full_{kind}", _EDGE, [(dst, src) for src, dst in pairs])
            known = ((pair, row) for pair, row in zip(pairs, rows, strict=True) if row["weight"] is not None)
            found += [Evidence(type=kind, src=src, dst=dst, **row) for (src, dst), row in known]
        return found

    def bestsellers(self, category: str) -> Sequence[str]:
        """Return what sells best in a category, or in the whole shop for ''."""
        return self._best.read().get(category, [])

    def rules(self) -> Rulebook:
        """Return the merchandisers' rules. Raises ``RulesUnavailable`` where there are some that cannot be read."""
        return self._rules.read()

    def _read(self, view: str, features: Sequence[str], keys: Keys) -> list[Row]:
        if not keys:
            return []
        if not self._reads.opened:
            self.state()
        try:
            return self._reads.read(view, features, keys)
        except Exception as error:  # each online store has errors of its own; none of them is the caller's
            logger.warning("the online store failed", exc_info=True)  # its message may hold a connection string: for the log, not for callers
            raise FeaturesUnavailable(f"the online store failed: {type(error).__name__}", "run: goeswith run publish") from error


@lru_cache(CARDS)
def _item(card: str) -> Item:
    return Item.model_validate_json(card)


def _neighbours(row: Mapping[str, Any]) -> Neighbours:
    least, columns = row["threshold"], [row[name] or [] for name in _NEIGHBOURS[:4]]
    sure = [None if least is None else score >= least for score in columns[1]]
    found = tuple(Neighbour(*values) for values in zip(*columns, sure, strict=True))
    return Neighbours(found, row["model_version"], row["release"])


def _parse(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
