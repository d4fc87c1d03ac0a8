"""The application that spark-submit starts: ``goeswith job`` with the words that follow. ``goeswith submit`` writes the whole call.

Spark puts the archive of our code, which is for the workers, before all else on the driver's path too; it needs the folder, with its profiles.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from goeswith.command.main import call  # from the folder that was put first

if __name__ == "__main__":
    sys.exit(call(["job", *sys.argv[1:]]))
