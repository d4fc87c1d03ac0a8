"""Serve the current version: what ``up`` does about the models."""

from dataclasses import dataclass

from goeswith.profile import Profile
from goeswith.releases import find_reason
from serving.rollout import repository as repo
from serving.rollout.integrity import check_served
from serving.rollout.loading import write_configs
from serving.rollout.manifest import Published, read_published, require_trusted
from serving.runtime.processes import ServerState
from serving.runtime.triton import client_of, find_triton, is_live, launch_of, start_triton, stop_triton


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Whether Triton answers, where, which version of which run is current (None: nothing was published yet), and which is canary.

    ``why`` says why that run trained, where somebody or something said so.
    """

    running: bool
    address: str
    pid: int | None
    version: int | None
    run: str | None
    canary: str | None = None
    why: str | None = None


def serve_current(profile: Profile) -> ServerState:
    """Start the local Triton with the current version of every model; one that runs already is left as it is.

    A canary is served beside it. Raises ``ModelUnavailable`` where nothing was published, ``ModelInvalid`` where a file of a served version is
    not what was published, ``EnvironmentMissing`` where Triton cannot be started.
    """
    repository = profile.model_repository
    launch = launch_of(profile)
    with repo.locked(repository):
        published = require_trusted(profile)
        models, serving = published.current.models, repo.serving_of(published)
        if find_triton(launch) is None:
            check_served(repository, published)
            repo.remove_unnamed(repository, published.kept)
            write_configs(profile, models, serving)
        return start_triton(launch, repo.model_names(models, serving))


def stop_serving(profile: Profile) -> bool:
    """Stop the local Triton; return whether there was one."""
    return stop_triton(launch_of(profile))


def model_status(profile: Profile) -> ModelStatus:
    """Return what is served, and where."""
    state = find_triton(launch_of(profile))
    published = read_published(profile.model_repository)
    with client_of(profile.triton) as client:
        running = is_live(client)
    return ModelStatus(
        running=running,
        address=f"{profile.triton.host}:{profile.triton.grpc_port}",
        pid=state.pid if state else None,
        version=published.version if published else None,
        run=published.run if published else None,
        canary=_canary(published) if published else None,
        why=find_reason(profile, published.release) if published else None,
    )


def _canary(published: Published) -> str | None:
    canary = published.canary
    return f"{published.find(canary.version).name}, {canary.share:.0%} of requests" if canary else None
