"""The gateway that ``up`` left running, asked over HTTP."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from goeswith.command.asker import Json, translate
from goeswith.errors import ConfigError, GoeswithError, ModelUnavailable
from goeswith.profile import Profile
from goeswith.settings import TlsSettings

TIMEOUT_S = 30.0


class Gateway:
    """The running gateway, over HTTP."""

    def __init__(self, profile: Profile) -> None:
        settings = profile.gateway
        tls = settings.ask.tls if settings.tls.certificate or settings.ask.tls.ca else None
        key = settings.ask.key.get_secret_value()
        self._address = f"{'https' if tls else 'http'}://{settings.host}:{settings.port}"
        self._context = _build_context(tls) if tls else None
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

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

    def score(self, item_id: str, others: Sequence[str]) -> Json:
        """Return what the model gives an item with each of the others."""
        return self._ask("/ask/scores", {"pairs": [[item_id, other] for other in others]})

    def explain(self, a: str, b: str) -> Json:
        """Return why two items are related."""
        return self._ask(f"/explain/{_quoted(a)}/{_quoted(b)}")

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, self._headers)  # noqa: S310 - http(s), from the profile
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as found:  # noqa: S310 - as above
                answer: Json = json.load(found)
                return answer
        except urllib.error.HTTPError as error:
            raise _problem(error.read()) from error
        except (urllib.error.URLError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: OSError) -> GoeswithError:
        reason = getattr(error, "reason", None)
        if isinstance(reason, ssl.SSLError):
            return ConfigError(f"no TLS with {self._address}: {reason}", "set GOESWITH_GATEWAY__ASK__TLS__CA (CERTIFICATE, KEY)")
        return ModelUnavailable(f"no gateway answers at {self._address}", "start it: goeswith up, or ask with --local")


def _build_context(tls: TlsSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise ConfigError(f"GOESWITH_GATEWAY__ASK__TLS: {error}", "give PEM files: CA, and CERTIFICATE with KEY where it wants one") from error
    return context


def _problem(body: bytes) -> GoeswithError:
    try:
        found = json.loads(body)
        return translate(found["error"], found["what"], found["remedy"])
    except (ValueError, KeyError, TypeError):
        return GoeswithError(f"the gateway failed: {body[:200].decode(errors='replace')}", "read its log: servers/gateway.log")


def _quoted(item_id: str) -> str:
    return urllib.parse.quote(item_id, safe="")
