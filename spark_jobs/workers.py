"""Python workers of a session on one machine: Spark's own daemon, which has imported once what every worker needs.

Each task invalidates Python's import caches, upon which every archive on the path is read for its index again: with Spark's
own (two zips and a jar) 130 ms a task. The installed package is the same code in plain files.
"""

import importlib
import sys
from pathlib import Path

BEFORE_FORKING = ("pandas", "pyarrow", "pyspark.sql.pandas.serializers")


def leave_out_archives(path: list[str]) -> list[str]:
    """Return an import path without archives."""
    return [entry for entry in path if not Path(entry).is_file()]


if __name__ == "__main__":
    sys.path[:] = leave_out_archives(sys.path)
    sys.path_importer_cache.clear()
    for module in BEFORE_FORKING:
        importlib.import_module(module)
    importlib.import_module("pyspark.daemon").manager()
