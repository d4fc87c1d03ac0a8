"""How long both versions take for their golden requests, asked in turn of one server: what slows one down slows the other, too."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tritonclient.grpc as grpc

from goeswith.model_contract import ExportManifest, GoldenCase, read_golden
from goeswith.profile import Profile
from goeswith.promotions import Latency
from serving.rollout import repository as repo
from serving.rollout.golden import ask_golden, replay_golden
from serving.rollout.integrity import check_files, golden_of
from serving.rollout.manifest import Version
from serving.runtime.triton import temporary_triton

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Side:
    """A version and its golden requests; ``names`` are those of models that are served under another."""

    cases: Sequence[GoldenCase]
    version: int
    names: Mapping[str, str]

    @property
    def models(self) -> set[str]:
        """The models that it has requests for."""
        return {case.model for case in self.cases}

    def ask(self, client: grpc.InferenceServerClient, model: str) -> float:
        """Ask all requests of a model once; return the mean milliseconds of one."""
        cases, started = [case for case in self.cases if case.model == model], time.perf_counter()
        for case in cases:
            ask_golden(client, case, self.names.get(model, model), self.version)
        return (time.perf_counter() - started) * 1e3 / len(cases)


def measure_latency(profile: Profile, export: Path, manifest: ExportManifest, champion: Version, repeats: int) -> tuple[Latency, ...]:
    """Return the median of each model that both have golden requests for; none where their signatures differ, so that no server holds both.

    On the way the challenger's golden answers are compared. Raises ``ModelInvalid`` where they, or the champion's files, do not hold.
    """
    if champion.models != manifest.models:
        return ()
    check_files(profile.model_repository, champion)
    folder, number = profile.servers / "comparing", champion.version + 1
    shutil.rmtree(folder, ignore_errors=True)
    serving = repo.Serving(current=champion.version, beside=(number,))
    repository = _assemble(profile, folder, export, manifest, champion, number)
    repo.write_configs(repository, manifest.models, "wheel", serving, profile.triton)
    names = repo.names_of(manifest.models, number)
    with temporary_triton(repository, folder, repo.model_names(manifest.models, serving)) as client:
        old, new = Side(golden_of(profile.model_repository, champion), champion.version, {}), Side(read_golden(export), number, names)
        replay_golden(client, new.cases, number, names)
        found = tuple(_medians(client, old, new, repeats))
    shutil.rmtree(folder)
    return found


def _assemble(profile: Profile, folder: Path, export: Path, manifest: ExportManifest, champion: Version, number: int) -> Path:
    """Make a repository of both versions: the champion's files stay where they are."""
    staged, repository = repo.build_staging(folder, export, manifest, number), folder / "repository"
    for spec in manifest.models:
        (repository / spec.name).mkdir(parents=True)
        (repository / spec.name / str(number)).symlink_to(staged / spec.name / str(number))
        (repository / spec.name / str(champion.version)).symlink_to(profile.model_repository / spec.name / str(champion.version))
    return repository


def _medians(client: grpc.InferenceServerClient, champion: Side, challenger: Side, repeats: int) -> Iterator[Latency]:
    for model in sorted(champion.models & challenger.models):
        rounds = [(champion.ask(client, model), challenger.ask(client, model)) for _ in range(WARM_UP + repeats)][WARM_UP:]
        old, new = (round(median(side), 3) for side in zip(*rounds, strict=True))
        yield Latency(model=model, champion_ms=old, challenger_ms=new)
