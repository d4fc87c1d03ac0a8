"""What a caller prefers among the items of an answer, and the shop's own values that it may be ranked by."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from goeswith_client.errors import FeaturesUnavailable, InvalidRequest
from goeswith_client.replaced import ReplacedFile
from goeswith_client.rerank import Chained, Mmr, PriceBand, Reranker, Weighted

SUFFIX = ".jsonl"
MAX_VALUES_BYTES = 64 * 2**20


class Ranking(BaseModel):
    """What is preferred. The shop's value comes first, then the price, then diversity. In one that says nothing the client's own re-ranker holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    diversity: float = Field(default=0.0, ge=0, le=1)
    """1 - lambda of MMR: 0 keeps the order."""
    price_band: float | None = Field(default=None, gt=0, le=10)
    """Prefer prices within this ratio of the given items': 0.5 is from two thirds to one and a half times as much."""
    price_required: bool = False
    """Nothing outside of the price band."""
    rank_by: str = Field(default="", pattern=r"^[a-z0-9_-]{0,64}$")
    """The name of a value of the shop's: a file NAME.jsonl in ``ClientConfig.values``."""
    rank_weight: float = Field(default=0.3, ge=0, le=1)
    """What the value weighs against the order that the model gave."""

    @property
    def says_something(self) -> bool:
        """Whether anything was set; what was set to its default says that it shall be so."""
        return bool(self.model_fields_set & set(Ranking.model_fields))

    def build(self, read_values: Callable[[str], Mapping[str, float]]) -> Reranker | None:
        """Return the re-ranker, None where nothing is preferred. Raises what ``read_values`` raises."""
        steps: list[Reranker] = []
        if self.rank_by and self.rank_weight:
            steps.append(Weighted(read_values(self.rank_by), self.rank_weight, self.rank_by))
        if self.price_band is not None:
            steps.append(PriceBand(self.price_band, self.price_required))
        if self.diversity:
            steps.append(Mmr(1 - self.diversity))
        return Chained(tuple(steps)) if len(steps) > 1 else next(iter(steps), None)


Preference = Ranking | Reranker | None
"""What a question may bring; None: what the client was made with."""


class _Valued(BaseModel):
    model_config = ConfigDict(extra="forbid")

    item_id: str
    value: float = Field(allow_inf_nan=False)


_VALUED = TypeAdapter(_Valued)


class ShopValues:
    """A shop's values by name: a folder with a file NAME.jsonl each, lines ``{"item_id": "p1", "value": 0.3}``, read again when replaced."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, ReplacedFile[Mapping[str, float]]] = {}

    def read(self, name: str) -> Mapping[str, float]:
        """Return a value of each item that has one. Raises ``InvalidRequest`` for an unknown name, ``FeaturesUnavailable`` for a damaged file."""
        names = [] if self._folder is None else sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}"))
        if self._folder is None or name not in names:
            raise InvalidRequest(f"nothing to rank by is called {name!r}", f"values of this shop: {', '.join(names) or 'none'}")
        known = self._files.setdefault(name, ReplacedFile(self._folder / f"{name}{SUFFIX}", _read_values, missing={}))
        return known.read()


def _read_values(path: Path) -> Mapping[str, float]:
    try:
        if path.stat().st_size > MAX_VALUES_BYTES:
            raise ValueError(f"over {MAX_VALUES_BYTES} bytes")
        with path.open("rb") as lines:
            read = (_VALUED.validate_json(line) for line in lines if line.strip())
            return {one.item_id: one.value for one in read}
    except (OSError, ValueError) as error:
        raise FeaturesUnavailable(
            f"{path.name} holds no values that can be read", 'lines like {"item_id": "p1", "value": 0.3}, 64 MB at most'
        ) from error
