"""A gate stands after every table that others read: its expectations are derived from the catalogue."""

import logging
import os

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # Great Expectations reports its use to its maker unless told otherwise
logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it logs each function that it decorates
