"""The application that spark-submit starts: ``goeswith job`` with the words that follow. ``goeswith submit`` writes the whole call."""

import sys

from goeswith.command.main import call

if __name__ == "__main__":
    sys.exit(call(["job", *sys.argv[1:]]))
