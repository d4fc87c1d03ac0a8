"""What callers of another version hold us to: routes and bodies of the gateway, features, the manifest, the client's own names.

``python -m tests.contract.served > tests/contract/served.json`` records it. Do so with a release, never to make a test pass.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import goeswith_client
from feature_repo.registered import contract_of
from feature_repo.store import build_objects
from goeswith.profile import load_profile
from goeswith_client import Client
from serving.rollout.manifest import Published
from tests.tiny_gateway import tiny_app

RECORDED = Path(__file__).with_name("served.json")
SHAPE = ("type", "format", "$ref", "items", "anyOf", "enum", "additionalProperties", "const")
"""What says of which type a value is; words, examples, bounds and defaults may change."""
Contract = dict[str, Any]


def current() -> Contract:
    """Return the contract of this version."""
    api, manifest = tiny_app().openapi(), Published.model_json_schema()
    objects = build_objects(load_profile(overrides={"home": "/nowhere"}), {})
    fields = {view: {name: kind for name, kind in held.items() if name != "pinned"} for view, held in contract_of(objects).items()}
    return {
        "routes": {f"{verb} {path}": _route(told) for path, verbs in api["paths"].items() for verb, told in verbs.items()},
        "bodies": _schemas(api["components"]["schemas"]),
        "features": fields,
        "manifest": _schemas({**manifest.pop("$defs"), "Published": manifest}),
        "client": sorted(goeswith_client.__all__),
        "questions": {name: _parameters(call) for name, call in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")},
    }


def _route(told: dict[str, Any]) -> Contract:
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = {code: answer.get("content", {}).get("application/json", {}).get("schema", {}) for code, answer in told["responses"].items()}
    given = {parameter["name"]: {"required": parameter.get("required", False)} for parameter in told.get("parameters", [])}
    return {"parameters": given, "body": _shape(content), "answer": _shape(answers.get("200", {}))}


def _schemas(schemas: dict[str, Any]) -> Contract:
    return {
        name: {"properties": {key: _shape(value) for key, value in held.get("properties", {}).items()}, "required": sorted(held.get("required", []))}
        for name, held in schemas.items()
    }


def _shape(schema: Any) -> Any:
    """Return a schema without what is not its type."""
    if isinstance(schema, list):
        return [_shape(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _shape(value) for key, value in schema.items() if key in SHAPE}


def _parameters(call: Any) -> Contract:
    found = inspect.signature(call).parameters.values()
    return {p.name: {"required": p.default is p.empty} for p in found if p.name != "self" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


if __name__ == "__main__":
    print(json.dumps(current(), indent=1, sort_keys=True))  # noqa: T201 - its output
