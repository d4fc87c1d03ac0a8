"""The gateway that ``up`` left running, asked over HTTP."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from goeswith.command.asker import Json, translate
from goeswith.errors import GoeswithError, ModelUnavailable
from goeswith.profile import Profile

TIMEOUT_S = 30.0


class Gateway:
    """The running gateway, over HTTP."""

    def __init__(self, profile: Profile) -> None:
        self._address = f"http://{profile.gateway.host}:{profile.gateway.port}"

    def related(self, kind: str, item_id: str, k: int, filters: Mapping[str, Any]) -> Json:
        """Return 'substitutes' or 'complements' of an item."""
        asked = {"k": k, **{name: str(value) for name, value in filters.items()}}
        return self._ask(f"/ask/{kind}/{_quoted(item_id)}?{urllib.parse.urlencode(asked)}")

    def bundle(self, items: list[str], k: int, filters: Mapping[str, Any]) -> Json:
        """Return what completes a bundle."""
        return self._ask("/ask/bundle", {"items": items, "k": k, "filters": dict(filters)})

    def make_bundle(self, wish: Mapping[str, Any]) -> Json:
        """Return a bundle around an item."""
        return self._ask("/ask/make-bundle", wish)

    def new(self, item: Mapping[str, Any]) -> Json:
        """Return answers for a new item."""
        return self._ask("/ask/new", item)

    def explain(self, a: str, b: str) -> Json:
        """Return why two items are related."""
        return self._ask(f"/explain/{_quoted(a)}/{_quoted(b)}")

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"})  # noqa: S310 - http, from the profile
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as found:  # noqa: S310 - as above
                answer: Json = json.load(found)
                return answer
        except urllib.error.HTTPError as error:
            raise _problem(error.read()) from error
        except (urllib.error.URLError, OSError) as error:
            raise ModelUnavailable(f"no gateway answers at {self._address}", "start it: goeswith up, or ask with --local") from error


def _problem(body: bytes) -> GoeswithError:
    try:
        found = json.loads(body)
        return translate(found["error"], found["what"], found["remedy"])
    except (ValueError, KeyError, TypeError):
        return GoeswithError(f"the gateway failed: {body[:200].decode(errors='replace')}", "read its log: servers/gateway.log")


def _quoted(item_id: str) -> str:
    return urllib.parse.quote(item_id, safe="")
