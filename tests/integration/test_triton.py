"""The real Triton from its wheel: what it serves is what the trainer computes, and nothing unverified is ever served."""

import base64
import io
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
import tritonclient.grpc as grpc
from PIL import Image
from tritonclient.utils import InferenceServerException
from typer.testing import CliRunner

from goeswith.command.main import app
from goeswith.command.servers import stop_servers
from goeswith.errors import EnvironmentMissing, ModelInvalid, ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import GOLDEN, MANIFEST, hash_files, read_golden
from goeswith.ports import free_ports
from goeswith.profile import Profile, load_profile
from serving.rollout import publish
from serving.rollout.current import model_status, serve_current, stop_serving
from serving.rollout.golden import replay_golden
from serving.rollout.manifest import read_published
from serving.runtime.triton import client_of, find_triton, launch_of, start_triton
from tests.tiny_models import raw_fields, shared_home, tiny_trained, write_tiny_export
from tests.tiny_shop import RUN
from training.export.preprocess import raw_tensors
from training.export.trained import Trained

pytestmark = [pytest.mark.triton, pytest.mark.timeout(300)]
Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that holds the tiny shop and its export."""
    home = tmp_path_factory.mktemp("triton") / "home"
    shutil.copytree(shared_home(), home)
    return home


def new_profile(home: Path) -> Profile:
    http, rpc, metrics = free_ports(3)
    return load_profile(overrides={"home": home, "triton": {"grpc_port": rpc, "http_port": http, "metrics_port": metrics}})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return tiny_trained(load_profile(overrides={"home": tmp_path_factory.mktemp("trained")}))


@pytest.fixture(scope="module")
def served(export: Path) -> Iterator[Profile]:
    """Return a profile whose Triton serves the tiny export."""
    profile = new_profile(export)
    publish_models(profile)
    serve_current(profile)
    yield profile
    stop_serving(profile)


@pytest.fixture
def client(served: Profile) -> Iterator[grpc.InferenceServerClient]:
    with client_of(served.triton) as found:
        yield found


def publish_models(profile: Profile) -> JobResult:
    return publish.run(JobRun(profile=profile, run_id="publish"))


def ask(client: grpc.InferenceServerClient, model: str, **inputs: Any) -> Arrays:
    tensors = []
    for name, value in inputs.items():
        array = np.array(value if isinstance(value, list | np.ndarray) else [[value]])
        kind = {"S": "BYTES", "O": "BYTES", "f": "FP32"}.get(array.dtype.kind) or {"int32": "INT32", "int64": "INT64", "uint8": "UINT8"}[
            str(array.dtype)
        ]
        tensor = grpc.InferInput(name, array.shape, kind)
        tensor.set_data_from_numpy(array.astype(np.object_) if kind == "BYTES" else array)
        tensors.append(tensor)
    answer = client.infer(model, tensors, client_timeout=20)
    return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}


def k(value: int) -> np.ndarray[Any, Any]:
    return np.array([[value]], dtype=np.int32)


def related(client: grpc.InferenceServerClient, item: str, kind: str = "substitute", number: int = 5, **more: Any) -> list[str]:
    return [i.decode() for i in ask(client, "relations", item_id=item.encode(), type=kind.encode(), k=k(number), **more)["item_ids"][0]]


NEW = {"title": b"red racket", "description": b"", "brand": b"brand0", "category": b"sport > racket", "image": b"", "type": b"substitute"}


def test_tensors_from_raw_bytes_equal_the_trainers(client: grpc.InferenceServerClient, served: Profile, trained: Trained) -> None:
    raw = raw_fields(trained.items, served.pictures)
    wanted = raw_tensors(trained.preprocess, raw)
    found = ask(client, "item_preprocess", **raw)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_served_vector_equals_the_trainers(client: grpc.InferenceServerClient, served: Profile, trained: Trained) -> None:
    tensors = raw_tensors(trained.preprocess, raw_fields(trained.items, served.pictures))
    with torch.no_grad():
        feature, content = trained.encoder(**{name: torch.from_numpy(a) for name, a in tensors.items()})
    found = ask(client, "item_encoder", **tensors)
    assert np.abs(found["feature"] - feature.numpy()).max() <= 1e-4
    assert np.abs(found["content"] - content.numpy()).max() <= 1e-4
    assert np.abs(found["feature"] - trained.feature).max() <= 1e-4


def test_golden_requests_of_the_export_hold(client: grpc.InferenceServerClient, served: Profile) -> None:
    published = read_published(served.model_repository)
    assert published is not None
    cases = read_golden(served.models / published.run / "export")
    assert {case.model for case in cases} == {"item_preprocess", "item_encoder", "relations", "bundle", "new_item"}
    assert replay_golden(client, cases, published.version) <= 1e-4


def test_a_new_item_is_answered_in_one_request(client: grpc.InferenceServerClient) -> None:
    found = ask(client, "new_item", **NEW, k=k(7))
    assert found["item_ids"].shape == found["scores"].shape == (1, 7)
    assert set(found["source"].ravel()) <= {b"cold_start", b"content"}
    assert (np.diff(found["scores"][0]) <= 0).all()


def test_an_item_is_never_its_own_answer_and_filters_act_inside_the_search(client: grpc.InferenceServerClient) -> None:
    assert "pen-red-0" not in related(client, "pen-red-0", number=60)
    inside = related(client, "pen-red-0", number=3, category_filter=b"kitchen > pan", brand_filter=b"brand1")
    assert len(inside) == 3
    assert all(item.startswith("pan-") and item.endswith("-1") for item in inside)
    assert related(client, "pen-red-0", category_filter=b"no such category") == []


def test_a_bundle_is_completed_by_other_items(client: grpc.InferenceServerClient) -> None:
    given = np.array([[b"pen-red-0", b"notebook-red-0", b""]], dtype=np.object_)
    found = ask(client, "bundle", given=given, k=k(20))
    assert found["item_ids"].shape == (1, 20)
    assert not {b"pen-red-0", b"notebook-red-0"} & set(found["item_ids"][0])


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("model", "inputs", "named"),
    [
        ("relations", {"item_id": b"nobody", "type": b"substitute", "k": k(5)}, "unknown item 'nobody'"),
        ("relations", {"item_id": b"pen-red-0", "type": b"friend", "k": k(5)}, "one of substitute, complement"),
        ("relations", {"item_id": b"pen-red-0", "type": b"substitute", "k": k(0)}, "k: 0, from 1 to 200"),
        ("relations", {"item_id": b"pen-red-0", "type": b"substitute", "k": k(10**9)}, "k: 1000000000"),
        ("relations", {"item_id": b"", "type": b"substitute", "k": k(5)}, "content"),
        ("bundle", {"given": np.array([[b"nobody"]], dtype=np.object_), "k": k(5)}, "unknown item 'nobody'"),
        ("bundle", {"given": np.array([[b""]], dtype=np.object_), "k": k(5)}, "0 items"),
        ("new_item", {**NEW, "title": b"\xff\xfe", "k": k(5)}, "title: no valid UTF-8"),
        ("new_item", {**NEW, "image": b"no picture", "k": k(5)}, "no readable JPEG or PNG"),
        ("new_item", {**NEW, "image": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "k": k(5)}, "no readable JPEG or PNG"),
        ("new_item", {**NEW, "image": png(9_000, 9_000), "k": k(5)}, "9000 x 9000 pixels"),
        ("new_item", {**NEW, "image": png(64, 64)[:-30], "k": k(5)}, "no readable JPEG or PNG"),
        ("new_item", {**NEW, "description": b"x" * 200_000, "k": k(5)}, "description: 200000 bytes"),
    ],
)
def test_a_bad_request_is_refused_by_name_and_the_next_one_answered(
    client: grpc.InferenceServerClient, model: str, inputs: Arrays, named: str
) -> None:
    with pytest.raises(InferenceServerException) as refused:
        ask(client, model, **inputs)
    assert named in refused.value.message()
    assert len(related(client, "pen-red-0")) == 5


def test_publishing_the_same_export_again_changes_nothing(served: Profile) -> None:
    before = {path: path.stat().st_mtime_ns for path in served.model_repository.rglob("*")}
    assert publish_models(served).summary["changed"] is False
    assert {path: path.stat().st_mtime_ns for path in served.model_repository.rglob("*")} == before


def test_up_leaves_a_running_triton_as_it_is_and_takes_no_port_from_it(served: Profile) -> None:
    running = find_triton(launch_of(served))
    assert serve_current(served) == running
    status = model_status(served)
    assert (status.running, status.version, status.pid) == (True, 1, running.pid if running else None)


def copy_of(export: Path, tmp_path: Path) -> Profile:
    shutil.copytree(export / "models", tmp_path / "models")
    return new_profile(tmp_path)


def spoil_golden(profile: Profile) -> None:
    """Change a golden answer and the hash that guards it: as if the models had changed since."""
    folder = next(profile.models.glob("*/export"))
    golden = json.loads((folder / GOLDEN).read_text())
    case = next(case for case in golden["cases"] if case["model"] == "bundle")
    scores = np.zeros(case["outputs"]["scores"]["shape"], dtype=np.float32)
    case["outputs"]["scores"]["data"] = base64.b64encode(scores.tobytes()).decode()
    (folder / GOLDEN).write_text(json.dumps(golden))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "files": hash_files(folder)}))


def versions_on_disk(profile: Profile) -> set[str]:
    return {path.name for path in profile.model_repository.glob("*/[0-9]*")}


def test_a_golden_mismatch_is_rolled_back_and_names_the_model(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    spoil_golden(profile)
    with pytest.raises(ModelInvalid, match="bundle: golden scores differs by"):
        publish_models(profile)
    assert versions_on_disk(profile) == {"1"}
    published = read_published(profile.model_repository)
    assert published is not None
    assert published.version == 1


def second_run(profile: Profile) -> Path:
    """Make another run's export of the same files, and return its folder."""
    folder = profile.models / "second" / "export"
    shutil.copytree(profile.models / RUN / "export", folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "run": "second"}))
    return folder


def test_a_new_version_goes_live_under_traffic_and_the_old_one_still_answers(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    pid = serve_current(profile).pid
    folder, published = second_run(profile), Event()

    def ask_until_published() -> int:
        answers = 0
        with client_of(profile.triton) as client:
            while not published.is_set():
                answers += len(related(client, "pen-red-0")) == 5
        return answers

    try:
        with ThreadPoolExecutor(1) as pool:
            traffic = pool.submit(ask_until_published)
            try:
                assert publish_models(profile).summary["version"] == 2
            finally:
                published.set()
            assert traffic.result() > 0  # a request that failed would have raised here
        with client_of(profile.triton) as client:
            assert {version for version in ("1", "2") if client.is_model_ready("relations", version)} == {"1", "2"}
            assert replay_golden(client, read_golden(folder), 2) <= 1e-4
        assert model_status(profile).pid == pid
    finally:
        stop_serving(profile)


def test_an_int8_encoder_follows_a_float32_one_and_answers_as_its_graph_does(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    serve_current(profile)
    folder = write_tiny_export(profile, run="int8", precision="int8")
    try:
        summary = publish_models(profile).summary
        assert (summary["version"], summary["run"], summary["precision"]) == (2, "int8", "int8")
        assert summary["golden_max_abs_diff"] <= 1e-4  # the same onnxruntime on the same machine: the tolerance is for others
        with client_of(profile.triton) as client:
            cases = [case for case in read_golden(folder) if case.model in ("item_encoder", "new_item")]
            assert replay_golden(client, cases, 2) <= 1e-4
            with pytest.raises(ModelInvalid, match=r"item_encoder: golden (feature|content) differs"):
                replay_golden(client, [cases[0].model_copy(update={"tolerance": 1e-4})], 1)
    finally:
        stop_serving(profile)


def test_what_a_killed_publish_left_is_neither_served_nor_kept(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    half = profile.model_repository / "relations" / "1"
    half.mkdir(parents=True)
    (half / "items.json").write_text('{"ids": [')
    (profile.model_repository / ".staging" / "bundle").mkdir(parents=True)
    assert publish_models(profile).summary["version"] == 2  # a Triton may have loaded the killed one: its number is not used again
    assert versions_on_disk(profile) == {"2"}
    assert not (profile.model_repository / ".staging").exists()


def test_triton_killed_hard_is_started_again(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    first = serve_current(profile)
    os.killpg(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert find_triton(launch_of(profile)) is None
    second = serve_current(profile)
    try:
        assert second.pid != first.pid
        assert model_status(profile).running
    finally:
        assert stop_serving(profile)
    assert not stop_serving(profile)


def test_a_model_that_cannot_be_loaded_is_said_with_the_servers_own_words(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    (profile.model_repository / "bundle" / "1" / "set_target.npy").write_bytes(b"no array")
    with pytest.raises(ModelUnavailable, match="Triton did not start"):
        start_triton(launch_of(profile), ["bundle"])
    assert find_triton(launch_of(profile)) is None


def test_a_port_in_use_is_named_with_the_remedy(export: Path, tmp_path: Path) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    with socket.socket() as other:
        other.bind(("127.0.0.1", profile.triton.grpc_port))
        other.listen()
        with pytest.raises(EnvironmentMissing, match=f"port {profile.triton.grpc_port}") as refused:
            serve_current(profile)
    assert "GOESWITH_TRITON__GRPC_PORT" in refused.value.remedy


def test_up_status_and_down_are_one_round(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = copy_of(export, tmp_path)
    publish_models(profile)
    settings = {"HOME": tmp_path, "GATEWAY__PORT": free_ports(1)[0], **launch_of(profile).ports}
    for name, value in settings.items():
        monkeypatch.setenv(f"GOESWITH_{name}", str(value))
    try:
        assert call("up", "--json") == call("status", "--json")
        servers = json.loads(call("status", "--json"))
        assert {name: found["running"] for name, found in servers.items()} == {"triton": True, "gateway": True}
        assert servers["triton"]["version"] == 1
        assert call("down") == "stopped: gateway, triton\n"
        assert call("down") == "nothing was running\n"
        assert "no" in call("status")
    finally:
        stop_servers(profile)


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout
