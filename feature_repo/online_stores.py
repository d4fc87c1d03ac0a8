"""The section ``online_store`` of Feast's settings, a kind of store each. The password stays in the environment, which Feast reads it from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from goeswith.errors import ConfigError
from goeswith.profile import Profile

PASSWORD = "${GOESWITH_FEAST__PASSWORD}"  # noqa: S105 - the name of one
WAIT_S = 5
"""A store that does not answer is an error after so long, not a caller that hangs."""
POSTGRES_FILES = {"sslrootcert": "sslrootcert_path", "sslcert": "sslcert_path", "sslkey": "sslkey_path"}
"""libpq's names of the files of TLS, and Feast's."""


def online_settings(profile: Profile) -> dict[str, Any]:
    """Return what Feast is told of the online store. Raises ``ConfigError`` where ``feast.online_path`` does not say where it is."""
    return {"sqlite": _sqlite, "redis": _redis, "postgres": _postgres}[profile.feast.online_store](profile)


def _sqlite(profile: Profile) -> dict[str, Any]:
    return {"type": "sqlite", "path": profile.feast.online_path or str(profile.features / "online.db")}


def _redis(profile: Profile) -> dict[str, Any]:
    """HOST:PORT, then options of redis-py: ``redis:6379,db=0,ssl=true,ssl_ca_certs=/tls/ca.pem``.

    ``retry=null``: redis-py would sleep for 10 s between its tries; here the client has its circuit breaker, and a job is run again.
    ``skip_dedup``: Feast would leave out rows whose event time is no newer, and a row's content changes without its event time.
    """
    where = profile.feast.online_path
    host, _, port = where.split(",")[0].rpartition(":")
    if not (host and port.isdecimal()):
        raise ConfigError(f"feast.online_path {where!r} is no Redis", "write HOST:PORT, for example redis:6379 or redis:6379,ssl=true")
    waits = [f"socket_timeout={WAIT_S}", f"socket_connect_timeout={WAIT_S}", "retry=null"]
    secret = [f"password={PASSWORD}"] if _has_password(profile) else []
    return {"type": "redis", "connection_string": ",".join([where, *waits, *secret]), "skip_dedup": True}


def _postgres(profile: Profile) -> dict[str, Any]:
    """postgresql://USER@HOST:PORT/DATABASE, then libpq's options for TLS: ``?sslmode=verify-full&sslrootcert=/tls/ca.pem``."""
    where = urlsplit(profile.feast.online_path)
    if where.scheme != "postgresql" or not (where.hostname and where.username and where.path.strip("/")) or where.password:
        raise ConfigError(
            "feast.online_path is no PostgreSQL", "write postgresql://USER@HOST:PORT/DATABASE; the password is GOESWITH_FEAST__PASSWORD"
        )
    at = {"host": where.hostname, "port": where.port or 5432, "database": where.path.strip("/"), "user": where.username}
    return {"type": "postgres", **at, "password": PASSWORD if _has_password(profile) else "", **_postgres_options(dict(parse_qsl(where.query)))}


def _postgres_options(given: Mapping[str, str]) -> dict[str, str]:
    known = {"sslmode": "sslmode", "schema": "db_schema", **POSTGRES_FILES}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"feast.online_path has an option {unknown[0]!r}", f"options: {', '.join(known)}")
    return {known[name]: value for name, value in given.items()}


def _has_password(profile: Profile) -> bool:
    return bool(profile.feast.password.get_secret_value())
