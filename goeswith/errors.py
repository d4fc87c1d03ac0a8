"""One tree of errors: what happened, on what, and what to do about it.

The command line prints these without a traceback (``--debug`` shows it); anything else is a bug of ours.
"""


class GoeswithError(Exception):
    """Base of every error that a user may meet.

    ``what`` names the thing and what happened to it; ``remedy`` is the next step, a command where there is one.
    """

    exit_code = 1
    transient = False
    """Whether it may pass by itself: a job that met it may be tried again without anybody doing anything."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the message and, on its own line, the remedy."""
        return f"{self.what}\n  -> {self.remedy}" if self.remedy else self.what


class ConfigError(GoeswithError):
    """A setting, an option or a recipe that cannot be used; the remedy lists the legal values."""

    exit_code = 2


class EnvironmentMissing(GoeswithError):
    """Java, a port, a package, disk or a server that this step needs is not there."""

    exit_code = 3


class SourceUnreadable(GoeswithError):
    """A source's file is missing, cut short, or lacks a column that the source cannot do without."""

    exit_code = 4


class DataContractError(GoeswithError):
    """Data does not have the shape that the catalogue states."""

    exit_code = 5


class GateFailed(GoeswithError):
    """A gate refused a table's new version, or crashed; the last released version stands."""

    exit_code = 6


class VersionMissing(GoeswithError):
    """A table, a version of it, or a release that a reader was pinned to is not in the lake."""

    exit_code = 7


class TrainingStopped(GoeswithError):
    """Training met a non-finite loss or gradient, or a checkpoint that is not its own."""

    exit_code = 8


class ModelInvalid(GoeswithError):
    """A model version whose hashes, signature or golden answers do not hold: it is not loaded."""

    exit_code = 9


class ModelUnavailable(GoeswithError):
    """Triton, or the model asked for, does not answer."""

    exit_code = 10
    transient = True


class StaleFeature(GoeswithError):
    """An online feature is older than its table's freshness."""

    exit_code = 11


class UnknownItem(GoeswithError):
    """An item id that no table knows."""

    exit_code = 12


class DeadlineExceeded(GoeswithError):
    """An answer did not come within the time its caller gave it."""

    exit_code = 13


class UpkeepRefused(GoeswithError):
    """Versions cannot be removed now: a job, another upkeep, or an erasure that was cut short is in the way."""

    exit_code = 14


class TableDamaged(GoeswithError):
    """A file of a table is gone or cannot be read: something other than a job of ours changed it."""

    exit_code = 15


class WriteConflict(GoeswithError):
    """Another process changed a table while a job wrote it; nothing of the job's write counts."""

    exit_code = 16
    transient = True


class LeaseLost(GoeswithError):
    """A job that was taken for dead is still at work: another try may have its place, so it stops before it writes."""

    exit_code = 17
    transient = True


class StoreUnavailable(GoeswithError):
    """The object store of the lake does not answer."""

    exit_code = 18
    transient = True


def is_final(exit_code: int) -> bool:
    """Return whether a command that ended with this code would end so again: first somebody has to do what its error says.

    Any other code is that of a crash, of a kill, or of an error that may pass.
    """
    return exit_code in {kind.exit_code for kind in GoeswithError.__subclasses__() if not kind.transient}
