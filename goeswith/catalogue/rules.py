"""What a table promises: of each row, of all rows together, and of a version beside the last released one.

``says`` is a rule in words: its name in ``gate_results``, and what an override names. A rule that does not hold stops the version
(``severity`` "stop") or is only recorded ("warn").
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["stop", "warn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull:
    """A column holds a value in every row."""

    column: str
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{self.column} is not null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Values of a column lie within [low, high]; null passes."""

    column: str
    low: float | None = None
    high: float | None = None
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{self.column} is {_range(self.low, self.high)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Values of a column come from a set; null passes."""

    column: str
    values: tuple[str, ...]
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{self.column} is one of {', '.join(self.values)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differ:
    """Two columns never hold the same value in one row."""

    left: str
    right: str
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{self.left} differs from {self.right}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HasRows:
    """A table holds at least one row. Only a warning where nothing else is said: a source may lack the table."""

    severity: Severity = "warn"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return "has rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """No two rows hold the same values in these columns."""

    columns: tuple[str, ...]
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{', '.join(self.columns)} is unique"


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Values of a column are keys of another table; null passes."""

    column: str
    table: str
    to: str
    severity: Severity = "stop"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{self.column} is in {self.table}.{self.to}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCountChange:
    """Rows, in all or for each value of the columns ``by``, are ``low`` to ``high`` times those of the released version."""

    by: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    severity: Severity = "warn"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{_of('rows', self.by)} are {_range(self.low, self.high)} times those released"


@dataclass(frozen=True, slots=True, kw_only=True)
class NullRateChange:
    """The share of nulls in a column lies within ``most`` of the released version's."""

    column: str
    most: float
    severity: Severity = "warn"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"the share of nulls in {self.column} changes by at most {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The distribution of a column's values is the released version's: its population stability index (PSI) is at most ``most``.

    Numbers are compared by ranges that hold a tenth of the released values each, lists by their first element, texts as they are.
    """

    column: str
    most: float
    severity: Severity = "warn"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"the values of {self.column} drift by at most {self.most:g} (PSI)"


@dataclass(frozen=True, slots=True, kw_only=True)
class DegreeDrift:
    """How many rows refer to one key (an item's degree in a graph) is distributed as in the released version, for each value of ``by``.

    Degrees are compared in powers of two, by their population stability index.
    """

    by: tuple[str, ...]
    most: float
    severity: Severity = "warn"

    @property
    def says(self) -> str:
        """Return the rule in words."""
        return f"{_of('degrees', self.by)} drift by at most {self.most:g} (PSI)"


RowRule = NotNull | Between | OneOf | Differ
"""What one row alone can break."""
TableRule = HasRows | Unique | References
"""What only all rows together show."""
ChangeRule = RowCountChange | NullRateChange | Drift | DegreeDrift
"""What only the released version beside it shows."""
Rule = RowRule | TableRule | ChangeRule


def row_counts(*by: str) -> tuple[RowCountChange, ...]:
    """Warn of half or double the rows; stop where nine of ten are gone."""
    return RowCountChange(by=by, low=0.5, high=2.0), RowCountChange(by=by, low=0.1, severity="stop")


def null_rates(*columns: str) -> tuple[NullRateChange, ...]:
    """Warn where a tenth of the rows gained or lost a value; stop where half of them did."""
    bounds: tuple[tuple[float, Severity], ...] = ((0.1, "warn"), (0.5, "stop"))
    return tuple(NullRateChange(column=column, most=most, severity=severity) for column in columns for most, severity in bounds)


def drifts(*columns: str) -> tuple[Drift, ...]:
    """Warn from .25, the usual sign of another population; stop at 5, which two that share next to nothing reach."""
    bounds: tuple[tuple[float, Severity], ...] = ((0.25, "warn"), (5.0, "stop"))
    return tuple(Drift(column=column, most=most, severity=severity) for column in columns for most, severity in bounds)


def _of(what: str, by: tuple[str, ...]) -> str:
    return f"{what} by {', '.join(by)}" if by else what


def _range(low: float | None, high: float | None) -> str:
    bounds = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
    return " and ".join(filter(None, bounds))
