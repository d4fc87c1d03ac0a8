"""What a segment acknowledged is on the disk, whoever writes, closes, or dies meanwhile."""

import errno
import os
import threading
from pathlib import Path

import pytest

from goeswith.errors import EnvironmentMissing
from goeswith.feedback.reading import FORGOTTEN, INCOMPLETE, read_segment
from goeswith.feedback.segments import Segments, close_segments, closed_segments

ROOM = 2**20
SOUND = '{"rule": null, "unit": "u", "happened_at": "2026-01-01T00:00:00+00:00", "received_at": "2026-01-01T00:00:00+00:00"}\n'


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_lines_are_appended_to_one_segment_until_it_is_full(tmp_path: Path) -> None:
    segments = Segments(tmp_path, ROOM, segment_bytes=10)
    for line in (b"one\n", b"two\n", b"three\n", b"four\n"):
        segments.append(line)
    assert [path.read_bytes() for path in closed_segments(tmp_path)] == [b"one\ntwo\nthree\n"]
    assert written(tmp_path) == b"one\ntwo\nthree\nfour\n"


def test_a_segment_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    Segments(tmp_path, ROOM).append(b"one\n")
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_a_segment_that_the_job_closed_is_followed_by_another(tmp_path: Path) -> None:
    segments = Segments(tmp_path, ROOM)
    segments.append(b"one\n")
    close_segments(tmp_path)
    segments.append(b"two\n")
    (closed,) = closed_segments(tmp_path)
    assert closed.read_bytes() == b"one\n"
    closed.unlink()
    close_segments(tmp_path)
    assert [path.read_bytes() for path in closed_segments(tmp_path)] == [b"two\n"]


def test_a_segment_that_its_writer_closes_while_the_job_looks_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Segments(tmp_path, ROOM).append(b"one\n")
    (path,) = tmp_path.iterdir()
    close_segments(tmp_path)

    def listed_before(folder: Path, pattern: str) -> list[Path]:
        return [path]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", listed_before)
        close_segments(tmp_path)
    assert [segment.read_bytes() for segment in closed_segments(tmp_path)] == [b"one\n"]


def test_many_writers_and_one_who_closes_lose_no_line(tmp_path: Path) -> None:
    shared = Segments(tmp_path, ROOM, segment_bytes=200)
    writers = [shared, shared, Segments(tmp_path, ROOM), Segments(tmp_path, ROOM)]

    def write(n: int) -> None:
        for k in range(40):
            writers[n].append(f"{n}-{k}\n".encode())

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        close_segments(tmp_path)
    assert sorted(written(tmp_path).split()) == sorted(f"{n}-{k}".encode() for n in range(4) for k in range(40))


def test_a_full_buffer_takes_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    segments = Segments(tmp_path, max_bytes=10)
    segments.append(b"123456\n")
    with pytest.raises(EnvironmentMissing, match="goeswith run feedback"):
        segments.append(b"123\n789\n")
    assert written(tmp_path) == b"123456\n"
    close_segments(tmp_path)
    closed_segments(tmp_path)[0].unlink()
    segments.append(b"123\n789\n")
    assert segments.waiting_bytes() == 8


def test_what_a_disk_refuses_counts_for_nothing_and_the_next_lines_stand_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path, ROOM)
    segments.append(b"before\n")
    real = os.write

    def half(file: int, data: bytes) -> int:
        if real(file, bytes(data)[:3]):
            raise OSError(errno.ENOSPC, "No space left on device")
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(EnvironmentMissing, match="No space left"):
            segments.append(b"refused\n")
    segments.append(b"after\n")
    assert sorted(written(tmp_path).split()) == [b"after", b"before"]


def test_lines_that_were_cut_or_masked_break_a_rule(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    masked, flagged = SOUND.replace('"u"', '"****"'), SOUND.replace("null", '"trial_mismatch"')
    path.write_text(SOUND + masked + flagged + "[1]\n" + SOUND[:40], encoding="utf-8")
    lines = list(read_segment(path))
    assert [line.rule for line in lines] == [None, FORGOTTEN, "trial_mismatch", INCOMPLETE, INCOMPLETE]
    assert [line.refusal("feedback")["row"] for line in lines[1:]] == ["{}", flagged.strip(), "[1]", SOUND[:40]]
    assert len({line.refusal("feedback")["row_hash"] for line in lines}) == 5
