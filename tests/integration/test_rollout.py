"""Rollout on the real Triton, under traffic: no request fails, and nothing that does not hold is ever served."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from goeswith.command.main import app
from goeswith.errors import ConfigError, EnvironmentMissing, ModelInvalid
from goeswith.jobs import JobRun
from goeswith.model_contract import GOLDEN, MANIFEST, hash_files
from goeswith.ports import free_ports
from goeswith.profile import PROJECT_ROOT, Profile, load_profile
from goeswith_client import ClientConfig, ClientError
from goeswith_client.triton import TritonModels
from serving.rollout import publish, repository
from serving.rollout.change import promote, roll_back, verify
from serving.rollout.current import serve_current, stop_serving
from serving.rollout.decision import Bounds
from serving.rollout.manifest import require_trusted
from serving.rollout.watch import watch
from serving.runtime.triton import client_of, find_triton, launch_of
from tests.small_disk import mounted_disk
from tests.tiny_models import shared_home, write_tiny_export
from tests.tiny_shop import RUN, item_rows
from tests.traffic import questions_about, traffic

pytestmark = [pytest.mark.triton, pytest.mark.timeout(600)]

SHARE = 0.4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with two exports of the tiny shop that answer differently, and one whose golden answers are others than its models'."""
    home = tmp_path_factory.mktemp("rollout") / "home"
    shutil.copytree(shared_home(), home)
    profile = load_profile(overrides={"home": home})
    write_tiny_export(profile, run="second", seed=1)
    shutil.copytree(profile.models / "second", profile.models / "wrong")
    spoil_golden(profile.models / "wrong" / "export")
    return home


def spoil_golden(folder: Path) -> None:
    """Change a golden answer and the hash that guards it: as if the models had changed since."""
    golden = json.loads((folder / GOLDEN).read_text())
    case = next(case for case in golden["cases"] if case["model"] == "bundle")
    scores = np.zeros(case["outputs"]["scores"]["shape"], dtype=np.float32)
    case["outputs"]["scores"]["data"] = base64.b64encode(scores.tobytes()).decode()
    (folder / GOLDEN).write_text(json.dumps(golden))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "run": "wrong", "files": hash_files(folder)}))


@pytest.fixture
def profile(home: Path, tmp_path: Path) -> Iterator[Profile]:
    """Return a profile of its own whose Triton serves version 1 of the tiny export."""
    shutil.copytree(home / "models", tmp_path / "models")
    http, rpc, metrics = free_ports(3)
    found = load_profile(overrides={"home": tmp_path, "triton": {"grpc_port": rpc, "http_port": http, "metrics_port": metrics}})
    publish_run(found, RUN)
    serve_current(found)
    yield found
    stop_serving(found)


@pytest.fixture(scope="module")
def item_ids(home: Path) -> list[str]:
    return [str(row["item_id"]) for row in item_rows(load_profile(overrides={"home": home}))]


def publish_run(profile: Profile, run: str, canary: float = 0.0) -> int:
    return int(publish.run(JobRun(profile=profile, run_id="publish", params={"run": run, "canary": canary})).summary["version"])


def what_happened(profile: Profile) -> list[tuple[str, int]]:
    return [(event.what, event.version) for event in require_trusted(profile).history]


def ready(profile: Profile, model: str) -> set[int]:
    with client_of(profile.triton) as client:
        return {version for version in range(1, 9) if client.is_model_ready(model, str(version))}


def address(profile: Profile) -> str:
    return f"{profile.triton.host}:{profile.triton.grpc_port}"


def variables(profile: Profile) -> dict[str, str]:
    settings = {"HOME": profile.root, **launch_of(profile).ports}
    return {**os.environ, **{f"GOESWITH_{name}": str(value) for name, value in settings.items()}}


def kill_publish_when(profile: Profile, run: str, moment: Callable[[], bool]) -> None:
    """Publish in a process of its own and kill it -9 at a moment."""
    command = [sys.executable, "-m", "goeswith", "rollout", "publish", "--run", run]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, env=variables(profile), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not moment():
            time.sleep(0.002)
        assert process.poll() is None, "it ended before the moment came"
        os.kill(process.pid, signal.SIGKILL)


def test_a_version_comes_takes_over_and_goes_under_traffic_and_no_request_fails(profile: Profile, item_ids: list[str]) -> None:
    manifest = profile.model_repository / MANIFEST
    took: dict[str, float] = {}

    def timed(name: str, act: Callable[[], object]) -> None:
        started = time.monotonic()
        act()
        took[name] = time.monotonic() - started

    with traffic(address(profile), manifest, questions_about(item_ids)) as seen:
        publish_run(profile, "second", canary=SHARE)
        time.sleep(2)
        timed("roll back of a canary", lambda: roll_back(profile, why="it was a trial"))
        assert publish_run(profile, "second", canary=SHARE) == 3
        timed("promote", lambda: promote(profile))
        time.sleep(2)
        timed("roll back of the current version", lambda: roll_back(profile, to=1, why="it sells less"))
        with pytest.raises(ModelInvalid, match="bundle: golden scores differs"):
            publish_run(profile, "wrong")
        kill_publish_when(profile, "second", lambda: (profile.model_repository / ".staging").exists())
        kill_publish_when(profile, "second", lambda: (profile.model_repository / "relations" / "5").exists())
        assert require_trusted(profile).version == 1
        last = publish_run(profile, "second")
        time.sleep(1)
    print(f"{seen.answers.total()} requests, slowest {seen.slowest_s:.2f} s; {took}")  # noqa: T201 - shown where it fails
    assert seen.failures == []
    assert {*seen.answers} >= {"1", "2", "3", str(last)}
    assert "wrong" not in {version.run for version in require_trusted(profile).versions}
    assert what_happened(profile) == [
        ("published", 1),
        ("canary", 2),
        ("rolled back", 2),
        ("canary", 3),
        ("promoted", 3),
        ("rolled back", 3),
        ("refused", 4),
        ("published", last),
    ]


def test_a_canary_answers_its_share_of_items_and_the_same_ones_each_time(profile: Profile, item_ids: list[str]) -> None:
    publish_run(profile, "second", canary=SHARE)
    assert ready(profile, "relations") == {1, 2}
    assert (ready(profile, "new_item"), ready(profile, "new_item_v2")) == ({1}, {2})
    with traffic(address(profile), profile.model_repository / MANIFEST, questions_about(item_ids)) as seen:
        time.sleep(4)
    known = {item: versions for item, versions in seen.versions.items() if item}
    assert all(len(versions) == 1 for versions in known.values())
    share = sum(versions == {"2"} for versions in known.values()) / len(known)
    assert 0.2 < share < 0.6
    assert promote(profile).version == 2
    assert (ready(profile, "relations"), ready(profile, "new_item")) == ({1, 2}, {2})
    assert roll_back(profile).version == 1
    assert (ready(profile, "relations"), ready(profile, "new_item"), ready(profile, "new_item_v2")) == ({1}, {1}, set())


def test_up_serves_the_canary_beside_the_current_version(profile: Profile) -> None:
    publish_run(profile, "second", canary=SHARE)
    stop_serving(profile)
    serve_current(profile)
    assert (ready(profile, "relations"), ready(profile, "new_item"), ready(profile, "new_item_v2")) == ({1, 2}, {1}, {2})


def test_a_canary_that_is_no_worse_is_promoted_by_the_watch(profile: Profile, item_ids: list[str]) -> None:
    publish_run(profile, "second", canary=0.5)
    with traffic(address(profile), profile.model_repository / MANIFEST, questions_about(item_ids)):
        verdict = watch(profile, Bounds(requests=50, slower=50), 12, promote_it=True)
    assert verdict.outcome == "good", verdict
    assert require_trusted(profile).version == 2
    assert require_trusted(profile).history[-1].figures["canary"]["requests"] >= 50


def test_a_canary_that_is_too_slow_is_rolled_back_by_the_watch_and_the_reason_kept(profile: Profile, item_ids: list[str]) -> None:
    publish_run(profile, "second", canary=0.5)
    slow_down(profile, 2)
    with traffic(address(profile), profile.model_repository / MANIFEST, questions_about(item_ids)) as seen:
        verdict = watch(profile, Bounds(requests=10**6, per_model=20), 90, promote_it=True)
    assert seen.failures == []
    assert verdict.outcome == "roll back", verdict
    assert "at the 99th percentile" in verdict.why
    event = require_trusted(profile).history[-1]
    assert (event.what, event.version, event.why) == ("rolled back", 2, verdict.why)


def load_changed(profile: Profile, path: Path, content: bytes) -> None:
    """Let the running Triton load a file that was changed behind our back, and put the file back."""
    original = path.read_bytes()
    path.write_bytes(content)
    with client_of(profile.triton) as client:
        client.load_model(path.parents[1].name)
    path.write_bytes(original)


def slow_down(profile: Profile, version: int) -> None:
    path = profile.model_repository / "relations" / str(version) / "model.py"
    slow = path.read_text().replace("        tensors = {name", "        __import__('time').sleep(0.3)\n        tensors = {name")
    load_changed(profile, path, slow.encode())


def break_answers(profile: Profile, version: int) -> None:
    """Let a version fail at every item that it knows: not at its warm-up, which it would not be loaded without."""
    path = profile.model_repository / "relations" / str(version) / "relations.py"
    load_changed(profile, path, path.read_text().replace("at = self.catalogue.position(item_id)", "at = self.catalogue.nowhere(item_id)").encode())


def garble(profile: Profile, version: int) -> None:
    path = profile.model_repository / "relations" / str(version) / "relations.py"
    right, wrong = "return Found(best, scores,", "return Found(best, -scores,"
    assert right in path.read_text()
    load_changed(profile, path, path.read_text().replace(right, wrong).encode())


def test_users_do_not_see_the_errors_of_a_canary_and_the_watch_ends_it(profile: Profile, item_ids: list[str]) -> None:
    publish_run(profile, "second", canary=0.5)
    with traffic(address(profile), profile.model_repository / MANIFEST, questions_about(item_ids)) as seen:
        break_answers(profile, 2)
        verdict = watch(profile, Bounds(requests=10**6, slower=100), 60, promote_it=True)
        time.sleep(1)
    assert seen.failures == []
    assert verdict.outcome == "roll back", verdict
    assert require_trusted(profile).canary is None


def test_a_canary_that_answers_garbage_is_rolled_back_where_it_should_take_over(profile: Profile) -> None:
    publish_run(profile, "second", canary=0.1)
    garble(profile, 2)
    with pytest.raises(ModelInvalid, match="was rolled back: relations: golden scores differs"):
        promote(profile)
    assert what_happened(profile)[-1] == ("rolled back", 2)
    assert ready(profile, "relations") == {1}


def test_what_was_rolled_back_is_not_published_again_unless_it_is_named(profile: Profile) -> None:
    publish_run(profile, "second", canary=0.1)
    roll_back(profile, why="too many returns")
    shutil.rmtree(profile.models / "wrong")
    (profile.models / "second" / "export" / MANIFEST).touch()
    again = publish.run(JobRun(profile=profile, run_id="again")).summary
    assert (again["changed"], again["version"]) == (False, 1)
    assert again["rolled_back"] == "run second was rolled back: too many returns"
    assert publish_run(profile, "second") == 3


def test_triton_killed_while_it_loads_leaves_the_former_version(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    state = find_triton(launch_of(profile))
    assert state is not None
    adopt = repository.adopt_staging

    def adopt_and_kill(folder: Path, version: int) -> None:
        adopt(folder, version)
        subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(0.3); os.killpg({state.pid}, 9)"])  # within the loads that follow

    monkeypatch.setattr(repository, "adopt_staging", adopt_and_kill)
    with pytest.raises(ModelInvalid, match="Triton does not load|does not answer"):
        publish_run(profile, "second")
    monkeypatch.undo()
    os.waitpid(state.pid, 0)
    assert require_trusted(profile).version == 1
    serve_current(profile)
    assert ready(profile, "relations") == {1}
    assert publish_run(profile, "second") > 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted_disk(tmp_path / "disk", megabytes=64) as folder:
        yield folder


def test_a_full_disk_while_publishing_is_said_and_the_former_version_stays(profile: Profile, disk: Path) -> None:
    shutil.copytree(profile.model_repository, disk / "model_repository", symlinks=True)
    shutil.copytree(profile.models, disk / "models")
    full = load_profile(overrides={"home": disk, "triton": {"grpc_port": 1, "http_port": 2, "metrics_port": 3}})
    room = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(bytes(room - 64 * 1024))
    with pytest.raises(EnvironmentMissing, match="publishing: no space is left on the disk"):
        publish_run(full, "second")
    assert require_trusted(full).version == 1
    (disk / "ballast").unlink()
    assert verify(full)["files"] > 50
    assert publish_run(full, "second") == 2


def test_a_signed_manifest_that_somebody_changed_is_not_served(profile: Profile, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    signed = profile.model_copy(update={"signing_key": key})
    with pytest.raises(ModelInvalid, match="it is not signed"):
        serve_current(signed)
    (profile.model_repository / MANIFEST).unlink()
    publish_run(signed, RUN)
    assert verify(signed)["signature"] == "holds"
    path = profile.model_repository / MANIFEST
    path.write_text(path.read_text().replace(f'"run": "{RUN}"', '"run": "other"'))
    with pytest.raises(ModelInvalid, match="its signature does not hold"):
        promote(signed)


def test_the_commands_tell_the_whole_story(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(profile).items():
        monkeypatch.setenv(name, value)
    assert call("publish", "--run", "second", "--canary", "0.1") == "second/2 is canary, 10% of requests\n"
    assert json.loads(call("verify", "2", "--json"))["files"] > 50
    assert call("promote", "--reason", "a quiet day") == "second/2 is current\n"
    assert call("rollback", "--reason", "a loud night") == f"{RUN}/1 is current, no canary is under way\n"
    told = json.loads(call("history", "--json"))
    assert (told["version"], told["kept"], told["canary"]) == (1, [1], None)
    assert [event["why"] for event in told["history"]] == ["", "", "a quiet day", "a loud night"]
    assert "a loud night" in call("history")
    with pytest.raises(ConfigError, match="no canary is under way"):
        promote(profile)


def call(*words: str) -> str:
    done = CliRunner().invoke(app, ["rollout", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_an_overloaded_model_refuses_at_once(profile: Profile) -> None:
    """The queue is bounded: what would wait behind it is told so within the time that one answer takes, and asked again or otherwise."""
    bounded = profile.model_copy(update={"triton": profile.triton.model_copy(update={"max_queue": 1})})
    stop_serving(profile)
    serve_current(bounded)
    slow_down(bounded, 1)
    config = ClientConfig(triton=address(profile), deadline_s=20, retries=0, breaker_failures=1000)
    refused = burst(config, 12)
    assert any("Exceeds maximum queue size" in error for error in refused), refused


def burst(config: ClientConfig, number: int) -> list[str]:
    """Ask many times at once; return the errors."""
    models = TritonModels(config)
    question = {"item_id": ("BYTES", "pen-red-0"), "type": ("BYTES", "substitute"), "k": ("INT32", 3)}

    def ask(_: int) -> str:
        try:
            models.infer("relations", question, ["scores"])
        except ClientError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(number) as pool:
        found = [error for error in pool.map(ask, range(number)) if error]
    models.close()
    return found


def test_answers_are_remembered_where_the_cache_is_on(profile: Profile) -> None:
    stop_serving(profile)
    cached = profile.model_copy(update={"triton": profile.triton.model_copy(update={"cache_mb": 16})})
    serve_current(cached)
    with client_of(profile.triton) as client:
        models = TritonModels(ClientConfig(triton=address(profile)))
        question = {"item_id": ("BYTES", "pen-red-0"), "type": ("BYTES", "substitute"), "k": ("INT32", 3)}
        assert models.infer("relations", question, ["item_ids"]) == models.infer("relations", question, ["item_ids"])
        found = client.get_inference_statistics("relations", "1").model_stats[0].inference_stats
        assert found.cache_hit.count == 1
        models.close()
