"""Serve the current version: what ``up`` does about the models."""

from dataclasses import dataclass

from goeswith.profile import Profile
from serving.rollout import repository as repo
from serving.runtime.processes import ServerState
from serving.runtime.triton import client_of, find_triton, is_live, launch_of, start_triton, stop_triton


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Whether Triton answers, where, and which version of which run is current (None: nothing was published yet)."""

    running: bool
    address: str
    pid: int | None
    version: int | None
    run: str | None


def serve_current(profile: Profile) -> ServerState:
    """Start the local Triton with the current version of every model; one that runs already is left as it is.

    Raises ``ModelUnavailable`` where nothing was published, ``EnvironmentMissing`` where Triton cannot be started.
    """
    repository = profile.model_repository
    launch = launch_of(profile)
    with repo.locked(repository):
        published = repo.require_published(repository)
        if find_triton(launch) is None:
            repo.remove_unnamed(repository, published.kept)
            repo.write_configs(repository, published.models, "wheel", [published.version])
        return start_triton(launch, [spec.name for spec in published.models])


def stop_serving(profile: Profile) -> bool:
    """Stop the local Triton; return whether there was one."""
    return stop_triton(launch_of(profile))


def model_status(profile: Profile) -> ModelStatus:
    """Return what is served, and where."""
    state = find_triton(launch_of(profile))
    published = repo.read_published(profile.model_repository)
    with client_of(profile.triton) as client:
        running = is_live(client)
    return ModelStatus(
        running=running,
        address=f"{profile.triton.host}:{profile.triton.grpc_port}",
        pid=state.pid if state else None,
        version=published.version if published else None,
        run=published.run if published else None,
    )
