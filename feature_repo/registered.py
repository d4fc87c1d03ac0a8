"""What the registry promises its readers: views, their features and types, services; as a page, and as a difference to what stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from feast import FeatureService, FeatureStore, FeatureView

HEAD = """# Features

Made by `goeswith features page > docs/features.md` from the catalogue; do not edit. A change here is a change for every reader.
"""
SERVICES = "\n## Services\n\n| service | what for | views |\n| --- | --- | --- |\n"

Contract = Mapping[str, Mapping[str, str]]
"""View or service -> feature or view -> type."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that applying would change; ``breaks`` says whether a reader of what stands would miss something."""

    what: str
    before: str
    after: str

    @property
    def breaks(self) -> bool:
        """Whether something that readers may use goes away or changes its type."""
        return bool(self.before) and not self.what.endswith("pinned")


def contract_of(objects: list[Any]) -> dict[str, dict[str, str]]:
    """Return what views and services promise."""
    views = {found.name: _fields(found) for found in objects if isinstance(found, FeatureView)}
    services = {f"service {found.name}": _views(found) for found in objects if isinstance(found, FeatureService)}
    return {**views, **services}


def registered_contract(store: FeatureStore) -> dict[str, dict[str, str]]:
    """Return what the registry promises now."""
    return contract_of([*store.list_feature_views(), *store.list_feature_services()])


def differences(before: Contract, after: Contract) -> Iterator[Difference]:
    """Yield what differs, by name."""
    for name in sorted({*before, *after}):
        old, new = before.get(name, {}), after.get(name, {})
        for part in sorted({*old, *new}):
            if old.get(part) != new.get(part):
                yield Difference(f"{name}: {part}", old.get(part, ""), new.get(part, ""))


def contract_page(objects: list[Any]) -> str:
    """Return views and services as Markdown."""
    views = [_view_section(found) for found in objects if isinstance(found, FeatureView)]
    services = [_service_row(found) for found in objects if isinstance(found, FeatureService)]
    return "".join([HEAD, *views, SERVICES, *services])


def _fields(view: FeatureView) -> dict[str, str]:
    pinned = {"pinned": view.tags["pinned"]} if "pinned" in view.tags else {}
    return {**{field.name: str(field.dtype) for field in view.schema}, **pinned}


def _views(service: FeatureService) -> dict[str, str]:
    return {projection.name: "view" for projection in service.feature_view_projections}


def _view_section(view: FeatureView) -> str:
    keys = ", ".join(f"`{key}`" for key in view.join_keys)
    facts = f"by {keys} · {'online and offline' if view.online else 'offline'}"
    rows = "".join(f"| {field.name} | {field.dtype} | {field.description} |\n" for field in view.features)
    return f"\n## {view.name}\n\n{view.description}\n\n{facts}\n\n| feature | type | what |\n| --- | --- | --- |\n{rows}"


def _service_row(service: FeatureService) -> str:
    views = ", ".join(f"`{projection.name}`" for projection in service.feature_view_projections)
    return f"| {service.name} | {service.description} | {views} |\n"
