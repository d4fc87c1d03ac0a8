"""The files of a table as they lie on the disk or in the object store, whatever the log says of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from pyarrow.fs import FileSelector, FileSystem, FileType

from goeswith import lake
from goeswith.object_store import open_files
from goeswith.profile import Profile

LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a table. ``path`` is relative to the table's folder."""

    path: str
    bytes: int
    modified: datetime

    @property
    def owner(self) -> str:
        """The file that it is about: itself, but for the checksum '.NAME.crc' that Hadoop lays beside NAME."""
        path = PurePosixPath(self.path)
        named = path.name.startswith(".") and path.suffix == ".crc"
        return str(path.with_name(path.name[1:-4])) if named else self.path

    @property
    def in_log(self) -> bool:
        """Whether it belongs to the table's log, not to its rows."""
        return self.path.startswith(f"{LOG}/")

    @property
    def log_version(self) -> int | None:
        """The version that a log file (commit, checkpoint or checksum) is about; None for any other file."""
        digits = PurePosixPath(self.owner).name[:20]
        return int(digits) if self.in_log and digits.isdigit() else None


def open_folder(profile: Profile, name: str) -> FileSystem:
    """Return the files of a table; their paths are relative to its folder."""
    return open_files(profile, lake.table_uri(profile, name))


def list_files(profile: Profile, name: str) -> list[StoredFile]:
    """Return every file below a table's folder, hidden ones too; none where there is no such folder."""
    infos = open_folder(profile, name).get_file_info(FileSelector("", recursive=True, allow_not_found=True))
    return [_stored(info) for info in infos if info.type == FileType.File]


def _stored(info: object) -> StoredFile:
    path, size, modified_ns = info.path, info.size, info.mtime_ns  # type: ignore[attr-defined]  # pyarrow brings no types
    return StoredFile(path, size, datetime.fromtimestamp(modified_ns / 1e9, UTC))


def delete_files(profile: Profile, name: str, paths: Iterable[str]) -> None:
    """Delete files of a table by their relative paths."""
    files = open_folder(profile, name)
    for path in paths:
        files.delete_file(path)


def read_text(profile: Profile, name: str, path: str) -> str:
    """Return the text of a file of a table, a commit for example."""
    with open_folder(profile, name).open_input_stream(path) as stream:
        text: str = stream.read().decode()
    return text
