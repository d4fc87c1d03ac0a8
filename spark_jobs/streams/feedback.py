"""Clicks and purchases that the job ``take_feedback`` handed on: a folder of this home, whose mapping is built in."""

from goeswith.feedback import EVENT_COLUMNS, EVENTS, SOURCE, stream_folder
from goeswith.profile import Profile
from spark_jobs.sources.mapping import Mapping, TableFile
from spark_jobs.streams.folder import FolderStream

ITEMS = "items"
"""An empty folder: a mapping has items, and feedback brings none."""


def build_feedback(profile: Profile, max_files: int) -> FolderStream:
    """Return the stream of a home's feedback; its folder is made where nothing came yet."""
    folder = stream_folder(profile)
    for name in (EVENTS, ITEMS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    items = TableFile(file=ITEMS, format="jsonl", columns={"item_id": "item_id"})
    events = TableFile(file=EVENTS, format="jsonl", columns={column: column for column in EVENT_COLUMNS})
    return FolderStream(folder=folder, mapping=Mapping(items=items, events=events), profile=profile, max_files=max_files, source=SOURCE)
