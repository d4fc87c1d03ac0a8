"""What ``feast -c feature_repo apply`` finds: every object, pinned to the newest release."""

from feature_repo.snapshots import write_snapshots
from feature_repo.store import build_objects
from goeswith.profile import load_profile
from goeswith.releases import released_versions

_profile = load_profile()
_versions = released_versions(_profile)
write_snapshots(_profile, _versions)
for _found in build_objects(_profile, _versions):
    globals()[_found.name] = _found  # Feast collects the objects that a module holds by name
