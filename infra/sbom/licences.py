"""Whether the licence of each part of an image is one that we accept, by ``licences.toml``, which says why."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

POLICY = Path(__file__).with_name("licences.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``allowed``: licence -> why; ``aliases``: as packages write it -> licence; ``packages``: those whose own words do not do -> what holds, why."""

    allowed: Mapping[str, str]
    aliases: Mapping[str, str]
    packages: Mapping[str, Mapping[str, str]]
    folders: Mapping[str, Mapping[str, str]]
    """The same for all JARs of a folder that state nothing that is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """A part of an image: its licence as we read it, and why it is accepted, '' where it is not."""

    name: str
    version: str
    licence: str
    why: str


def read_policy(path: Path = POLICY) -> Policy:
    """Read which licences are accepted."""
    return Policy(**tomllib.loads(path.read_text(encoding="utf-8")))


def look_at(components: Iterable[Mapping[str, Any]], policy: Policy) -> list[Licensed]:
    """Return each part of an image with its licence."""
    return [_licensed(component, policy) for component in components]


def _licensed(component: Mapping[str, Any], policy: Policy) -> Licensed:
    named = policy.packages.get(canonicalize_name(component["name"]))
    stated = " AND ".join(sorted(set(_stated(component, policy)))) or "not stated"
    folder = next((policy.folders[p["value"]] for p in component.get("properties", []) if p["value"] in policy.folders), None)
    told = named or (None if allows(stated, policy) else folder)
    licence, why = (told["licence"], told["why"]) if told else (stated, reason_of(stated, policy))
    return Licensed(name=component["name"], version=component.get("version", ""), licence=licence, why=why)


def _stated(component: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    for each in component.get("licenses", []):
        licence = each.get("license", {})
        said = each.get("expression") or licence.get("id") or licence.get("name") or ""
        if said:
            yield policy.aliases.get(said, said)


def allows(expression: str, policy: Policy) -> bool:
    """Return whether a licence expression is accepted: one side of an OR, all sides of an AND. One with parentheses has to be listed as it stands."""
    if expression in policy.allowed:
        return True
    return any(all(part.strip() in policy.allowed for part in side.split(" AND ")) for side in expression.split(" OR "))


def reason_of(expression: str, policy: Policy) -> str:
    """Return why an expression is accepted, '' where it is not."""
    if not allows(expression, policy):
        return ""
    side = next(side for side in expression.split(" OR ") if allows(side, policy)) if expression not in policy.allowed else expression
    parts = [expression] if expression in policy.allowed else side.split(" AND ")
    return "; ".join(dict.fromkeys(policy.allowed[part.strip()] for part in parts))


def report(image: str, parts: Iterable[Licensed]) -> str:
    """Return the licence report of an image as Markdown."""
    rows = "".join(f"| {p.name} | {p.version} | {p.licence.replace('|', '/')} | {p.why or '**not accepted**'} |\n" for p in parts)
    return f"# Licences in the image {image}\n\n| part | version | licence | why it is accepted |\n| --- | --- | --- | --- |\n{rows}"
