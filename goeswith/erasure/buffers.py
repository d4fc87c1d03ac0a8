"""What waits on its way into the lake and names a user: events that callers told, and files of them that a stream takes in."""

from collections.abc import Iterator
from pathlib import Path

from goeswith.erasure.person import Person
from goeswith.feedback import EVENTS, stream_folder
from goeswith.feedback.segments import close_segments, closed_segments, segments_folder
from goeswith.profile import Profile
from goeswith.results import write_atomically


def drop_waiting(profile: Profile, person: Person) -> int:
    """Remove a user's lines from every such file; return how many. Each line is an event and names its user; no job runs meanwhile.

    What the gateway takes from now on is new: whoever sends it has to let go of the user, too.
    """
    return sum(_drop(path, person) for path in _files(profile))


def _files(profile: Profile) -> Iterator[Path]:
    close_segments(segments_folder(profile))
    yield from closed_segments(segments_folder(profile))
    yield from sorted((stream_folder(profile) / EVENTS).glob("*.jsonl"))


def _drop(path: Path, person: Person) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not any(text.encode() in line for text in person.texts)]
    if len(kept) < len(lines):
        write_atomically(path, b"".join(kept), mode=0o600)
    return len(lines) - len(kept)
