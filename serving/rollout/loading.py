"""What a Triton holds: bring a running one from one state to the next without a request that nobody answers."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from goeswith.errors import ModelInvalid
from goeswith.model_contract import ModelSpec
from goeswith.profile import Profile
from goeswith.progress import progress
from serving.rollout import repository as repo
from serving.rollout.golden import replay_golden
from serving.rollout.integrity import check_files, check_served, check_signatures, golden_of, holds
from serving.rollout.manifest import Published, Version, write_published
from serving.runtime.triton import READY_AFTER_S, client_of, is_live, temporary_triton


def write_configs(profile: Profile, models: Sequence[ModelSpec], serving: repo.Serving) -> None:
    """Write the configs by which the profile's Triton serves exactly ``serving``."""
    repo.write_configs(profile.model_repository, models, profile.triton.kind, serving, profile.triton)


def serve(profile: Profile, models: Sequence[ModelSpec], serving: repo.Serving) -> bool:
    """Bring the running Triton to hold exactly ``serving``; return False where none runs: then the next one starts like that.

    What is held already and stays is not loaded again. Raises ``ModelInvalid``.
    """
    write_configs(profile, models, serving)
    names = repo.model_names(models, serving)
    gone = [name for name in repo.find_aliases(profile.model_repository, models) if name not in names]
    with client_of(profile.triton) as client:
        live = is_live(client)
        if live:
            _load(client, names)
            _unload(client, gone)
    for name in gone:
        shutil.rmtree(profile.model_repository / name)
    return live


def _load(client: grpc.InferenceServerClient, names: Sequence[str]) -> None:
    with progress("loading models", len(names), unit="models") as advance:
        for name in names:
            try:
                client.load_model(name, client_timeout=READY_AFTER_S)
            except InferenceServerException as error:
                raise ModelInvalid(f"Triton does not load {name}: {error.message()}", "read triton.log") from error
            advance(1, name)


def _unload(client: grpc.InferenceServerClient, names: Sequence[str]) -> None:
    for name in names:
        with suppress(InferenceServerException):  # it was never loaded
            client.unload_model(name, client_timeout=READY_AFTER_S)


def switch(profile: Profile, before: Published, after: Published, *, linger: bool) -> None:
    """Go from one state to the next: load what the next needs, name it, and only then let go of what the last had.

    With ``linger`` the version that was current stays loaded, until the change after this one: requests that were sent to it are
    answered, and going back loads nothing. Raises ``ModelInvalid``; then nothing was named.
    """
    check_served(profile.model_repository, after)
    models, wanted = after.current.models, set(repo.serving_of(after).beside)
    old = _still_asked(profile, before, after)
    if after.version != before.version or wanted - set(repo.serving_of(before).beside):
        serve(profile, models, repo.Serving(current=after.version, beside=tuple(sorted(wanted | old))))
    write_published(profile, after)
    lingering = old & {before.version} if linger else set()
    serve(profile, models, repo.Serving(current=after.version, beside=tuple(sorted(wanted | lingering))))


def _still_asked(profile: Profile, before: Published, after: Published) -> set[int]:
    """Return the versions that requests are sent to until they see the next state. A damaged one is left out: Triton would read it again."""
    if before.current.models != after.current.models:
        return set()
    old = [version for version in before.served if version.version != after.version]
    return {version.version for version in old if holds(profile.model_repository, version)}


def replay_served(profile: Profile, version: Version, *, current: bool) -> float:
    """Return the largest golden difference of a version on the running Triton, 0 where none runs. Raises ``ModelInvalid``."""
    names = {} if current else repo.names_of(version.models, version.version)
    with client_of(profile.triton) as client:
        cases = golden_of(profile.model_repository, version) if is_live(client) else ()
        return replay_golden(client, cases, version.version, names)


def verify_alone(profile: Profile, repository: Path, version: Version) -> tuple[int, float]:
    """Return how many files hold, and the largest golden difference, of a version on a Triton of its own. Raises ``ModelInvalid``."""
    files, folder = check_files(repository, version), profile.servers / "verifying"
    repo.link_version(repository, version, folder / "repository")
    repo.write_configs(folder / "repository", version.models, "wheel", repo.Serving(current=version.version), profile.triton)
    with temporary_triton(folder / "repository", folder, [spec.name for spec in version.models]) as client:
        check_signatures(client, version.models, version.version)
        return files, replay_golden(client, golden_of(repository, version), version.version)
