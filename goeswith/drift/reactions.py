"""What became of answers in the last days, beside the days before: clicks and purchases an answer by its source, and answers that fell back.

Units (users, sessions) are what varies: the clicks of one go together. An answer is given a day for what becomes of it, so the newest whole
day is not looked at yet; a purchase counts where it names its answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from goeswith import lake
from goeswith.drift.shares import with_change, with_difference
from goeswith.drift.verdicts import Compared, Measure
from goeswith.experiments.estimates import Floats, Rate, Sums
from goeswith.profile import Profile
from goeswith_client.answers import SOURCES

FALLBACK = "category_bestseller"
COUNTED = ("clicks", "purchases")
_BEFORE, _AFTER = 0, 1

_SHOWN = """
WITH shown AS (
  SELECT answer_id, min(unit) AS unit, min(source) AS source, min(happened_at) AS shown_at, min(day) >= '{middle}' AS later
  FROM t WHERE kind = 'exposure' AND day >= '{start}' AND day < '{end}' GROUP BY answer_id)
"""
_REACTED = """,
reacted AS (
  SELECT t.answer_id, sum(CASE WHEN t.kind = 'click' THEN 1 ELSE 0 END) AS clicks, sum(CASE WHEN t.kind = 'purchase' THEN 1 ELSE 0 END) AS purchases
  FROM t JOIN shown ON t.answer_id = shown.answer_id
  WHERE t.kind IN ('click', 'purchase') AND t.day >= '{start}' AND t.happened_at < shown.shown_at + INTERVAL '1 day' GROUP BY t.answer_id)
SELECT source, later, count(*) AS answers, sum(coalesce(clicks, 0)) AS clicks, sum(coalesce(purchases, 0)) AS purchases
FROM shown LEFT JOIN reacted ON shown.answer_id = reacted.answer_id WHERE source IN ({sources}) GROUP BY unit, source, later
"""
_FELL_BACK = """
SELECT later, count(*) AS answers, sum(CASE WHEN source = '{fallback}' THEN 1 ELSE 0 END) AS fallbacks FROM shown GROUP BY unit, later
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """Two windows of whole days (UTC), one after the other: from ``start``, from ``middle``, up to ``end``."""

    start: str
    middle: str
    end: str

    @property
    def reference(self) -> str:
        """The first of the two, by name."""
        return f"{self.start}/{self.middle}"


def windows_before(at: datetime, num_days: int) -> Windows:
    """Return the two windows of ``num_days`` that end a whole day before the day of ``at``."""
    end = at - timedelta(days=1)
    return Windows(*(f"{end - timedelta(days=back):%Y-%m-%d}" for back in (2 * num_days, num_days, 0)))


def measure_reactions(profile: Profile, version: int, windows: Windows, min_reactions: int) -> Iterator[Measure]:
    """Yield the measures of ``feedback`` at a version; rates that rest on fewer than ``min_reactions`` before have no value."""
    compared = Compared(reference=windows.reference, reference_version=version, current_version=version)
    sums = _sum_reactions(profile, version, windows)
    for place, source in enumerate(SOURCES):
        for name in COUNTED:
            then, now = (sums[name].rate(2 * place + window) for window in (_BEFORE, _AFTER))
            empty = Measure(kind="reactions", name=name, part=source, compared=compared, value=None, rows=_least(then, now))
            yield with_change(empty, then, now, len(SOURCES) * len(COUNTED)) if then.y >= min_reactions else empty
    then, now = _fallback_rates(profile, version, windows)
    yield with_difference(replace(empty, name="fallbacks", part="", rows=_least(then, now)), then, now)


def _sum_reactions(profile: Profile, version: int, windows: Windows) -> dict[str, Sums]:
    """Return the sums over units, by source and window: a few numbers, however many the units."""
    sums = {name: Sums(2 * len(SOURCES)) for name in COUNTED}
    for batch in _query(profile, version, windows, _REACTED):
        places = pc.index_in(batch["source"].cast(pa.string()), pa.array(SOURCES)).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in COUNTED:
            sums[name].add(2 * places + _windows(batch), _floats(batch, name), _floats(batch, "answers"))
    return sums


def _fallback_rates(profile: Profile, version: int, windows: Windows) -> tuple[Rate, Rate]:
    sums = Sums(2)
    for batch in _query(profile, version, windows, _FELL_BACK):
        sums.add(_windows(batch), _floats(batch, "fallbacks"), _floats(batch, "answers"))
    return sums.rate(_BEFORE), sums.rate(_AFTER)


def _query(profile: Profile, version: int, windows: Windows, sql: str) -> Iterator[pa.RecordBatch]:
    sources = ", ".join(map(lake.quote_text, SOURCES))
    filled = f"{_SHOWN}{sql}".format(start=windows.start, middle=windows.middle, end=windows.end, fallback=FALLBACK, sources=sources)
    return lake.query_versions(profile, {"t": ("feedback", version)}, filled)


def _windows(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = batch["later"].to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _floats(batch: pa.RecordBatch, name: str) -> Floats:
    found: Floats = batch[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _least(then: Rate, now: Rate) -> int:
    return int(min(then.x, now.x))
