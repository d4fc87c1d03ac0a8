"""Everything that may go wrong for a caller: what happened, and what to do about it."""


class ClientError(Exception):
    """Base of every error of this package."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the message and, on its own line, the remedy."""
        return f"{self.what}\n  -> {self.remedy}" if self.remedy else self.what


class InvalidRequest(ClientError):
    """A value that no server needs to see to refuse it: k out of bounds, an empty bundle, a picture that is too large."""


class UnknownItem(ClientError):
    """An item id that the feature store does not know."""

    def __init__(self, item_id: str) -> None:
        super().__init__(f"no item is called {item_id!r}", "use an id of the released catalogue")
        self.item_id = item_id


class FreshnessError(ClientError):
    """The features are older than the caller allows."""


class ModelUnavailable(ClientError):
    """Triton, or the model asked for, does not answer, and nothing else can."""


class ModelRefused(ClientError):
    """The model answered with an error: it saw the request and could not serve it."""


class DeadlineExceeded(ClientError):
    """An answer did not come within ``ClientConfig.deadline_s``."""


class FeaturesUnavailable(ClientError):
    """The feature store cannot be opened or read."""


class RulesUnavailable(ClientError):
    """The merchandisers' rules cannot be read, and none were read before: without them a banned item might be shown."""


class RerankerFailed(ClientError):
    """A re-ranker raised, or returned what it was not given."""
