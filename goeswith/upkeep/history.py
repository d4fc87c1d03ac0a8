"""The end of a table's history: nothing is left but its newest rows, whoever wanted older ones."""

from goeswith import lake
from goeswith.profile import Profile
from goeswith.upkeep.log import cut_log, live_files
from goeswith.upkeep.stored import StoredFile, delete_files, list_files

SEAL = "goeswith.sealed"


def seal(profile: Profile, name: str, mark: str) -> int:
    """Commit a version with the same rows, and return it; sealed with the same mark already, it is left as it is.

    Commits name values: predicates, and the least and greatest of each file. The one of a seal names none, so it can stay.
    """
    delta = lake.open_table(profile, name)
    if delta.metadata().configuration.get(SEAL) != mark:
        delta.alter.set_table_properties({SEAL: mark}, raise_if_not_exists=False)
    return lake.open_table(profile, name).version()


def cut_history(profile: Profile, name: str) -> list[StoredFile]:
    """Remove every file that the newest version does not need, pinned or not, and the log before it; return what was removed.

    Nobody may write the table meanwhile: a commit to come would lose its files.
    """
    head = lake.open_table(profile, name).version()
    log = cut_log(profile, name, head)
    needed = live_files(profile, name, head)
    rest = [file for file in list_files(profile, name) if not file.in_log and file.owner not in needed]
    delete_files(profile, name, (file.path for file in rest))
    return [*log, *rest]


def drop_table(profile: Profile, name: str) -> None:
    """Remove a table with all that it ever held; its log last, so that cut short it is dropped again."""
    files = sorted(list_files(profile, name), key=lambda file: file.in_log)
    delete_files(profile, name, (file.path for file in files))
