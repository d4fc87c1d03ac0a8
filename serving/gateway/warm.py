"""What is slow once is done before the first question: Feast is imported at the start, its store opened as soon as there is one."""

import gc
import logging
import time
from threading import Thread

from goeswith_client import Client, FeaturesUnavailable
from goeswith_client.feast_features import FeastFeatures

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


def warm_up(client: Client) -> None:
    """Import Feast and open its store. Before the first release the gateway starts all the same: a thread opens the store once it is there."""
    if isinstance(client.features, FeastFeatures):
        client.features.import_feast()
        if not _open(client.features):
            Thread(target=_open_later, args=(client.features,), name="warm-up", daemon=True).start()
    gc.collect()
    gc.freeze()  # what was imported stays; looking through all of it for garbage takes a fifth of a second, and some answer waits for it


def _open(features: FeastFeatures) -> bool:
    try:
        features.warm_up()
    except FeaturesUnavailable as error:
        logger.warning("%s", error)
        return False
    return True


def _open_later(features: FeastFeatures) -> None:
    """Open the store when the first release is there; a store that is away then is opened by the first question after it."""
    while not _is_there(features):
        time.sleep(LOOK_EVERY_S)
    _open(features)


def _is_there(features: FeastFeatures) -> bool:
    try:
        features.state()
    except FeaturesUnavailable:
        return False
    return True
