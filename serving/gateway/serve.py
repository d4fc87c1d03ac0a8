"""The gateway's process: ``python -m serving.gateway.serve``, started by ``serving.gateway.process``."""

import resource

import uvicorn
from starlette.types import ASGIApp

from goeswith.logs import log_as_json
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile, load_profile
from goeswith.settings import GatewaySettings, TlsSettings
from goeswith_client import Client, ClientConfig, Tls
from serving.gateway.app import build_app
from serving.gateway.connections import ImpatientProtocol
from serving.gateway.drift import add_drift
from serving.gateway.events import Inbox, add_events
from serving.gateway.explorer import add_explorer
from serving.gateway.exposure import check_exposure, is_loopback, tls_options
from serving.gateway.keys import Keys
from serving.gateway.offers import Shelf, add_offers
from serving.gateway.run_gauges import add_run_gauges
from serving.gateway.warm import warm_up
from serving.nearest import NearestIds, released_ids
from serving.rules.table import renew_rules

DEADLINE_S = 10.0
"""People wait longer than services do: a new item on a busy machine of two cores takes more than the client's default."""
KEEP_ALIVE_S = 5
STOP_S = 15
"""At the end, requests under way have so long: a little over the deadline."""
OTHER_FILES = 200
"""Of the process beside its connections: libraries, stores, Triton."""


def build_client(profile: Profile) -> Client:
    """Return the client of a deployment."""
    config = ClientConfig(
        features=profile.features,
        manifest=profile.model_repository / MANIFEST,
        triton=f"{profile.triton.host}:{profile.triton.grpc_port}",
        tls=_client_tls(profile.triton.tls),
        deadline_s=DEADLINE_S,
        values=profile.values,
    )
    return Client(config)


def build_server(app: ASGIApp, settings: GatewaySettings) -> uvicorn.Server:
    """Return the server of an application, its connections bounded in number and in every phase; it believes no header about who asks."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=ImpatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        **tls_options(settings.tls),
    )
    return uvicorn.Server(config)


def serve() -> None:
    """Serve until stopped. Raises ``ConfigError`` where it would be open to others, ``TableDamaged`` where its rules cannot be read."""
    log_as_json()
    profile = load_profile()
    check_exposure(profile)
    make_room(profile.gateway.connections)
    keys = Keys(profile.keys, open_without=is_loopback(profile.gateway.host))
    renew_rules(profile)
    with build_client(profile) as client:
        warm_up(client)
        app = build_app(client, NearestIds(lambda: released_ids(profile)), profile.gateway, keys)
        add_explorer(app, client, profile)
        add_events(app, Inbox(profile, client.experiments))
        add_offers(app, Shelf(profile, client))
        add_drift(app, profile)
        add_run_gauges(app, profile)
        build_server(app, profile.gateway).run()


def _client_tls(tls: TlsSettings) -> Tls | None:
    shown = {"private_key": tls.key, "certificate_chain": tls.certificate} if tls.certificate else {}
    return Tls.model_validate({"root_certificates": tls.ca, **shown}) if tls.ca else None


def make_room(connections: int) -> None:
    """Raise the number of files that this process may open: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


if __name__ == "__main__":
    serve()
