"""What Python workers of a local session import from."""

from pathlib import Path

from spark_jobs.workers import leave_out_archives


def test_archives_are_left_out_of_the_import_path_and_folders_stay(tmp_path: Path) -> None:
    archive = tmp_path / "pyspark.zip"
    archive.write_bytes(b"")
    assert leave_out_archives([str(tmp_path), str(archive), "not-there"]) == [str(tmp_path), "not-there"]
