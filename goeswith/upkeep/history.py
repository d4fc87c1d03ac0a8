"""The end of a table's history: nothing is left but its newest rows, whoever wanted older ones."""

from collections.abc import Sequence

from goeswith import lake
from goeswith.profile import Profile
from goeswith.upkeep.log import cut_log, live_files
from goeswith.upkeep.stored import LOG, StoredFile, delete_files, list_files, read_text

SEAL = "goeswith.sealed"


def seal_if_named(profile: Profile, name: str, texts: Sequence[str]) -> None:
    """Commit a version with the same rows where the newest commit itself names one of ``texts``: in a predicate, or the least value of a file.

    The newest commit is what the end of a history leaves of the log.
    """
    head = lake.open_table(profile, name).version()
    commit = read_text(profile, name, f"{LOG}/{head:020}.json")
    if any(text in commit for text in texts):
        lake.open_table(profile, name).alter.set_table_properties({SEAL: str(head)}, raise_if_not_exists=False)


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
