"""How a question reaches the client: through the gateway that ``up`` left running, or in this process."""

from goeswith.command.asker import Asker
from goeswith.command.asking_gateway import Gateway
from goeswith.profile import Profile


def build_asker(profile: Profile, *, local: bool) -> Asker:
    """Return the gateway, or a client in this process (Feast takes seconds to import)."""
    if not local:
        return Gateway(profile)
    from goeswith.command.asking_here import Here

    return Here(profile)
