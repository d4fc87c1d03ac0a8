"""The gateway's process: ``python -m serving.gateway.serve``, started by ``serving.gateway.process``."""

import logging

import uvicorn

from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile, load_profile
from goeswith_client import Client, ClientConfig, FeaturesUnavailable
from goeswith_client.feast_features import FeastFeatures
from serving.gateway.app import build_app
from serving.gateway.explorer import add_explorer
from serving.gateway.nearest import NearestIds, released_ids

logger = logging.getLogger(__name__)

DEADLINE_S = 10.0
"""People wait longer than services do: a new item on a busy machine of two cores takes more than the client's default."""


def build_client(profile: Profile) -> Client:
    """Return the client of a deployment."""
    config = ClientConfig(
        features=profile.features,
        manifest=profile.model_repository / MANIFEST,
        triton=f"{profile.triton.host}:{profile.triton.grpc_port}",
        deadline_s=DEADLINE_S,
    )
    return Client(config)


def warm_up(client: Client) -> None:
    """Import Feast before the first question; without features the gateway starts all the same, and its health says so."""
    try:
        if isinstance(client.features, FeastFeatures):
            client.features.warm_up()
    except FeaturesUnavailable as error:
        logger.warning("%s", error)


def serve() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO)
    profile = load_profile()
    with build_client(profile) as client:
        warm_up(client)
        app = build_app(client, NearestIds(lambda: released_ids(profile)))
        add_explorer(app, client, profile)
        uvicorn.run(app, host=profile.gateway.host, port=profile.gateway.port, access_log=False)


if __name__ == "__main__":
    serve()
