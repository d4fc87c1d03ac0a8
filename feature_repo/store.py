"""The feature store of a deployment: its settings file, its registry, and what the registry holds."""

import string
from pathlib import Path
from typing import Any

import yaml
from feast import FeatureStore

from feature_repo.entities import ENTITIES
from feature_repo.mark import build_mark_view
from feature_repo.online_stores import online_settings
from feature_repo.services import build_services
from feature_repo.slices import list_slices
from feature_repo.snapshots import Versions, snapshot_path, write_snapshots
from feature_repo.views import build_view
from goeswith.profile import Profile
from goeswith.results import write_atomically

TEMPLATE = Path(__file__).with_name("feature_store.yaml")


def open_store(profile: Profile) -> FeatureStore:
    """Open the feature store of this deployment, writing its ``feature_store.yaml`` under ``profile.features`` first.

    Raises ``ConfigError`` where the profile does not say where the online store is.
    """
    path, settings = profile.features / TEMPLATE.name, yaml.safe_dump(_settings(profile), sort_keys=False)
    if not path.exists() or path.read_text(encoding="utf-8") != settings:
        write_atomically(path, settings)
    return FeatureStore(repo_path=str(profile.features))


def _settings(profile: Profile) -> dict[str, Any]:
    values = {"GOESWITH_HOME": str(profile.root), "GOESWITH_FEAST__ONLINE_PATH": ""}
    common: dict[str, Any] = yaml.safe_load(string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values))
    return {**common, "online_store": online_settings(profile)}


def build_objects(profile: Profile, versions: Versions) -> list[Any]:
    """Return every entity, view and service, the sources pinned to ``versions``."""
    views = [(part, build_view(part, snapshot_path(profile, part, versions))) for part in list_slices()]
    return [*ENTITIES, *(view for _, view in views), build_mark_view(profile), *build_services(views)]


def apply_versions(profile: Profile, store: FeatureStore, versions: Versions) -> int:
    """Pin the registry to ``versions``: write their snapshots, then apply. Return how many snapshots were new."""
    written = write_snapshots(profile, versions)
    store.apply(build_objects(profile, versions))
    return written


def pinned_versions(store: FeatureStore) -> dict[str, str]:
    """Return what the registry is pinned to now: view -> 'table@version'."""
    return {view.name: view.tags["pinned"] for view in store.list_feature_views() if "pinned" in view.tags}
