"""What becomes of answers, between the gateway that hears it and the job that brings it into the lake: a buffer on disk (ADR 26)."""

from pathlib import Path

from goeswith.profile import Profile

SOURCE = "feedback"
"""The source that its rows stand under; ids of its files are keyed hashes already, and say so."""
HASH_MARK = "hmac:"
"""What stands before an id that is a keyed hash already."""
EVENTS = "events"
"""The folder, below the stream's, in which files of events appear."""
EVENT_COLUMNS = ("event_id", "basket_id", "user_id", "item_id", "kind", "quantity", "price", "happened_at")
"""What those files hold, by the names of the table ``events``."""


def stream_folder(profile: Profile) -> Path:
    """Return the folder that clicks and purchases appear in, as the job ``stream`` takes them in."""
    return profile.feedback / "stream"
