"""The gateway over dicts: inside the test, or as a real server in a thread of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from fastapi import FastAPI
from fastapi.testclient import TestClient

from goeswith.ports import free_ports
from goeswith.profile import load_profile
from goeswith.settings import GatewaySettings
from goeswith_client import Client, ClientConfig
from serving.gateway.app import build_app
from serving.gateway.drift import add_drift
from serving.gateway.events import Inbox, add_events
from serving.gateway.keys import Keys, create_key
from serving.gateway.offers import Shelf, add_offers
from serving.gateway.run_gauges import add_run_gauges
from serving.gateway.serve import build_server
from serving.nearest import NearestIds
from tests.tiny_client import DictFeatures, FakeModels, rank_all

_HOMES = TemporaryDirectory()


def tiny_app(
    features: DictFeatures | None = None,
    models: FakeModels | None = None,
    settings: GatewaySettings | None = None,
    keys: Keys | None = None,
    home: Path | None = None,
) -> FastAPI:
    """Return the application over twenty items and a model that ranks them all; events go to ``home``, experiments and drift come from there."""
    held, bears = features or DictFeatures(), settings or GatewaySettings()
    profile = load_profile(overrides={"home": home or Path(_HOMES.name) / token_hex(4), "gateway": bears})
    client = Client(ClientConfig(features=profile.features), features=held, models=models or FakeModels(rank_all()))
    app = build_app(client, NearestIds(lambda: sorted(held.known)), settings, keys)
    add_events(app, Inbox(profile, client.experiments))
    add_offers(app, Shelf(profile, client))
    add_drift(app, profile)
    add_run_gauges(app, profile)
    return app


def tiny_gateway(
    features: DictFeatures | None = None,
    models: FakeModels | None = None,
    settings: GatewaySettings | None = None,
    keys: Keys | None = None,
    home: Path | None = None,
) -> TestClient:
    """Return a client of the application, without a network between them."""
    return TestClient(tiny_app(features, models, settings, keys, home))


def bearer(path: Path, *scopes: str, name: str = "shop") -> dict[str, str]:
    """Make a key in a file, and return the header that shows it."""
    return {"Authorization": f"Bearer {create_key(path, name, scopes)}"}


@contextmanager
def running(app: FastAPI, **settings: object) -> Iterator[tuple[str, int]]:
    """Serve an application on a free port of loopback, as the gateway's process does, in a thread."""
    found = GatewaySettings.model_validate({"port": free_ports(1)[0], **settings})
    server = build_server(app, found)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield found.host, found.port
    finally:
        server.should_exit = True
        thread.join()


def talk(where: tuple[str, int], sent: bytes, *, timeout_s: float = 20.0) -> bytes:
    """Send bytes and return all that comes back until the other side closes, politely or not."""
    answer = b""
    with socket.create_connection(where, timeout=timeout_s) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        while got := connection.recv(65_536):
            answer += got
    return answer
