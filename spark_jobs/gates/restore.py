"""Put a table back to the version that readers were promised, after its gate refused a newer one."""

from goeswith import lake, releases
from goeswith.locks import write_alone
from goeswith.profile import Profile


def restore_table(profile: Profile, name: str, refused: int) -> str:
    """Restore a table to its last released version, or empty it where none was released; say what was done.

    The refused version stays in the table's history. Nothing is done where the refused version is the released one, or where
    a later version was written since: that one has a gate of its own. Works on the log alone, so delta-rs does it at once
    whoever wrote the table.
    """
    released = releases.released_versions(profile).get(name)
    with write_alone(profile, name):
        return _restore(profile, name, refused, released)


def _restore(profile: Profile, name: str, refused: int, released: int | None) -> str:
    table = lake.open_table(profile, name)
    if table.version() != refused:
        return f"version {table.version()} was written since and stands"
    if released == refused:
        return f"version {released} is released already and stands"
    if released is None:
        table.delete()
        return "it was emptied, for no version was released before"
    table.restore(released)
    return f"it was restored to version {released}"
